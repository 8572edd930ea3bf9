import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch } from "../e2e/support/chromium.ts";
import { Server } from "../interop/server.ts";
import { connect } from "./fuse.ts";

let browser: Browser;
let server: Server;

beforeAll(async () => {
  [browser, server] = await Promise.all([launch(), Server.start("tests.ui.main:app")]);
});
afterAll(async () => {
  await browser.close();
  await server.stop();
});

test("a page that is loaded again in the middle of a stream has every item once", async () => {
  const page = await browser.newPage();
  page.setDefaultTimeout(10_000);
  await page.goto(`${server.origin}/pages/story/index.html`);
  await page.locator('body[data-count="100"]').waitFor({ state: "attached" });
  await page.reload();
  // What it had is there again, before anything new comes.
  await page.locator('body[data-count="100"]').waitFor({ state: "attached" });
  const client = connect({ url: server.origin });
  await client.tell();
  await page.locator("body[data-items]").waitFor({ state: "attached" });
  const items = await page.locator("body").getAttribute("data-items");
  expect(items).toBe([...Array(200).keys()].join(" "));
  expect(await client.noted("story")).toEqual(["started"]);
});
