import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from "vitest";
import { known, newMember } from "./support/account.ts";
import { launch } from "./support/chromium.ts";
import { job, shoot, startJob } from "./support/look.ts";
import { openTab } from "./support/page.ts";

const url = inject("url");

let browser: Browser;

beforeAll(async () => {
  browser = await launch();
});

afterAll(() => browser.close());

test("the backend restarts in the middle: the page says so and recovers by itself", async () => {
  const { context, username } = await newMember(browser, url);
  onTestFinished(() => context.close());
  const tab = await openTab(context, `${url}/job`);
  await known(tab, username);
  const socket = tab.sockets.find((each) => !each.isClosed());
  const gone = socket?.waitForEvent("close");
  // Saving a file restarts the backend, as in development; this one keeps it from coming back until it is mended.
  const file = join(inject("root"), "app/backend/rpc/jobs.py");
  const before = readFileSync(file, "utf8");
  onTestFinished(() => writeFileSync(file, before));
  writeFileSync(file, `${before}\nimport nothing_of_that_name\n`);
  await gone;
  await tab.page.locator("[data-banner]").getByText("The connection to the server is lost").waitFor();
  await shoot(tab, "lost");
  writeFileSync(file, before);
  await tab.connected();
  await expect.poll(() => tab.page.locator("[data-banner] p").count()).toBe(0);
  // Still the same person, and events come again.
  await startJob(tab, "after");
  await job(tab, "after", "done").waitFor();
});
