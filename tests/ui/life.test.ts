import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { launch } from "../e2e/support/chromium.ts";
import { Server } from "../interop/server.ts";

let browser: Browser;
let server: Server;
let page: Page;
/** What was sent and what came over the page's sockets, in hex, each socket from its opening on. */
let sockets: { sent: string[]; received: string[] }[];

beforeAll(async () => {
  [browser, server] = await Promise.all([launch(), Server.start("tests.ui.main:app")]);
});
afterAll(async () => {
  await browser.close();
  await server.stop();
});

beforeEach(async () => {
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  page = await context.newPage();
  page.setDefaultTimeout(10_000);
  sockets = [];
  page.on("websocket", (socket) => {
    const frames = { sent: [] as string[], received: [] as string[] };
    sockets.push(frames);
    socket.on("framesent", ({ payload }) => frames.sent.push(Buffer.from(payload).toString("hex")));
    socket.on("framereceived", ({ payload }) => frames.received.push(Buffer.from(payload).toString("hex")));
  });
  await page.goto(`${server.origin}/pages/svelte/index.html`);
  await state("connected");
});

const state = (name: string): Promise<void> => page.locator(`[data-status="${name}"]`).waitFor();

/** `[12]` and `[13]`, as messages. */
const PING = "910c";
const PONG = "910d";

test("a page whose network goes says so at once, and is back as soon as it is there again", async () => {
  await page.context().setOffline(true);
  await state("connecting");
  const before = sockets.length;
  await page.context().setOffline(false);
  await state("connected");
  expect(sockets.length).toBeGreaterThan(before);
  // Events come again, over the new connection.
  await page.locator('[data-do="tick"]').click();
  await page.locator('[data-latest="5"]').waitFor();
});

/** Whether a frame has that message, perhaps among others. */
const has = (frames: readonly string[] | undefined, message: string): boolean =>
  frames?.some((frame) => frame.startsWith(message) || frame.endsWith(message)) ?? false;

test("a page that is shown again asks the server for a sign of life", async () => {
  expect(has(sockets[0]?.sent, PING)).toBe(false);
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange", { bubbles: true })));
  await vi.waitFor(() => expect(has(sockets[0]?.received, PONG)).toBe(true), { timeout: 5_000 });
  expect(has(sockets[0]?.sent, PING)).toBe(true);
  expect(sockets).toHaveLength(1);
});
