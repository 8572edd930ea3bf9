import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
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

/** Until Python has noted that, and no more, about it. */
async function noted(about: string, expected: string[]): Promise<void> {
  const client = connect({ url: server.origin });
  await vi.waitFor(async () => expect(await client.noted(about)).toEqual(expected), { timeout: 5_000 });
}

describe.each(["svelte", "react"])("a page in %s", (framework) => {
  let page: Page;
  /** What the browser complained about. */
  let complaints: string[];

  beforeEach(async () => {
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    page = await context.newPage();
    page.setDefaultTimeout(10_000);
    complaints = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    await page.goto(`${server.origin}/pages/${framework}/index.html`);
    await page.locator('[data-status="connected"]').waitFor();
    return () => expect(complaints).toEqual([]);
  });

  const press = (name: string): Promise<void> => page.locator(`[data-do="${name}"]`).click();
  const counter = (state: string) => page.locator(`[data-counter="${state}"]`);
  const output = (text: string) => page.getByText(text, { exact: true });

  test("lists events, the last ones up to the limit", async () => {
    await press("tick");
    await page.locator('[data-latest="5"]').waitFor();
    expect(await page.locator("[data-ticks] li").allTextContents()).toEqual(["2", "3", "4", "5"]);
  });

  test("shows a stream, and stops it", async () => {
    await counter("idle").waitFor();
    await press("count");
    await output("0 1 2").waitFor();
    await counter("streaming").waitFor();
    await press("stop");
    await counter("stopped").waitFor();
    await noted(`${framework} counter`, ["started", "cancelled"]);
    await press("count-to");
    await counter("done").waitFor();
    expect(await counter("done").getAttribute("data-count")).toBe("1000");
    await noted(`${framework} thousand`, ["started"]);
    await press("count-fail");
    await counter("failed").locator("[data-problem]").waitFor();
    await output("0 1").waitFor();
  });

  test("a stream that is not shown any more is cancelled in Python", async () => {
    await press("log-a");
    await output("a: 0 1 2").waitFor();
    await press("log-b");
    await output("b: 0 1 2").waitFor();
    await press("log-none");
    await noted(`${framework} log b`, ["started", "cancelled"]);
    // Once, although StrictMode mounts a component, unmounts it and mounts it again.
    await noted(`${framework} log a`, ["started", "cancelled"]);
    const before = await connect({ url: server.origin }).noted(`${framework} counter`);
    await press("count");
    await output("0 1 2").waitFor();
    await press("counter");
    await noted(`${framework} counter`, [...before, "started", "cancelled"]);
  });

  test("queries, mutates and invalidates", async () => {
    const team = page.locator('[data-team="success"]');
    await team.getByText("2026-01-02T03:04:05.678Z 0-1-255").waitFor();
    await press("rename");
    await team.getByText(`Green of ${framework}`).waitFor();
  });

  test("a query that is cancelled is cancelled in Python", async () => {
    await press("wait");
    await page.locator('[data-wait="fetching"]').waitFor();
    await noted(`${framework} query`, ["started"]);
    await press("cancel");
    await page.locator('[data-wait="idle"]').waitFor();
    await noted(`${framework} query`, ["started", "cancelled"]);
  });

  test("says that the server went away, and that it is back", async () => {
    await server.stop();
    try {
      await page.locator('[data-status="connecting"]').waitFor();
    } finally {
      await server.up();
    }
    await page.locator('[data-status="connected"]').waitFor();
    await press("tick");
    await page.locator('[data-latest="5"]').waitFor();
    // The browser's own words for each attempt to connect.
    complaints = complaints.filter((complaint) => !complaint.includes("WebSocket connection to"));
  });
});
