import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { Server } from "../server";
import { page } from "./page";

let server: Server;

beforeAll(async () => {
  server = await Server.start("tests.interop.snippets.main:app");
  // A page's own origin and socket, as a browser gives them.
  vi.stubGlobal("location", { origin: server.origin, href: `${server.origin}/` });
  vi.stubGlobal("WebSocket", WebSocket);
});

afterAll(() => server.stop());

test("the snippets do what they say", async () => {
  expect(await page("ann")).toEqual({
    started: true,
    tokens: ["hi", "there"],
    sum: 3,
    heard: [{ job_id: "job_1", progress: 50 }],
    left: 0,
    shouted: ["ONE", "TWO"],
    user: "ann",
  });
});

test("the mirror says the same", async () => {
  const post = (path: string, body: unknown) =>
    fetch(`${server.origin}/api${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json", authorization: "Bearer bob" },
    });
  expect(await (await post("/add", { a: 1, b: 2 })).json()).toBe(3);
  expect(await (await post("/jobs/start_job", { job_id: "j" })).json()).toEqual({ started: true });
  expect(await (await post("/jobs/chat", { prompt: "a b" })).text()).toBe('"a"\n"b"\n');
  const broke = await post("/jobs/chat", { prompt: "broke" });
  expect([broke.status, await broke.json()]).toEqual([
    402,
    { detail: "come back next month", code: "BUDGET_SPENT", data: { left: 0 } },
  ]);
});
