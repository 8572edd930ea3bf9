import { readFileSync, rmSync, writeFileSync } from "node:fs";
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
  const bringBack = takeDown();
  onTestFinished(bringBack);
  await gone;
  await tab.page.locator("[data-banner]").getByText("The connection to the server is lost").waitFor();
  await shoot(tab, "lost");
  bringBack();
  await tab.connected();
  await expect.poll(() => tab.page.locator("[data-banner] p").count()).toBe(0);
  // Still the same person, and events come again.
  await startJob(tab, "after");
  await job(tab, "after", "done").waitFor();
});

/** Takes the backend away until the returned function is called. */
function takeDown(): () => void {
  const door = inject("door");
  if (door !== "") {
    // Whoever runs the site keeps the backend stopped as long as this file is there.
    writeFileSync(door, "");
    return () => rmSync(door, { force: true });
  }
  // Saving a file restarts the backend, as in development; this one keeps it from coming back until it is mended.
  const file = join(inject("root"), "app/backend/rpc/jobs.py");
  const before = readFileSync(file, "utf8");
  writeFileSync(file, `${before}\nimport nothing_of_that_name\n`);
  return () => {
    if (readFileSync(file, "utf8") !== before) writeFileSync(file, before);
  };
}
