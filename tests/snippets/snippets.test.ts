import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { page } from "./page";

let server: ChildProcess;
let origin: string;

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

beforeAll(async () => {
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  const python = process.env.FUSEWIRE_PYTHON ?? "../../.venv/bin/python";
  const args = ["-m", "uvicorn", "tests.snippets.main:app", "--port", String(port), "--timeout-graceful-shutdown", "1"];
  server = spawn(new URL(python, import.meta.url).pathname, args, {
    cwd: new URL("../..", import.meta.url).pathname,
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (server.stderr === null) throw new Error("no stderr");
  for await (const line of createInterface(server.stderr)) if (line.includes("running on")) break;
  // A page's own origin and socket, as a browser gives them.
  vi.stubGlobal("location", { origin, href: `${origin}/` });
  vi.stubGlobal("WebSocket", WebSocket);
}, 30_000);

afterAll(async () => {
  server.kill("SIGTERM");
  await once(server, "exit");
});

test("the snippets do what they say", async () => {
  expect(await page("ann")).toEqual({
    started: true,
    tokens: ["hi", "there"],
    sum: 3,
    heard: [{ job_id: "job_1", progress: 50 }],
    left: 0,
    user: "ann",
  });
});

test("the mirror says the same", async () => {
  const post = (path: string, body: unknown) =>
    fetch(`${origin}/api${path}`, {
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
