import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ConnectOptions, StaleContract } from "@fusewire/client";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { Server } from "../server";
import { type Client, connect } from "./fuse";
import contract from "./fuse.contract.json";

const V2 = "tests.interop.stale.v2:app";
const HASH = /^[0-9a-f]{16}$/;

let server: Server;
let told: StaleContract[];

beforeEach(async () => {
  told = [];
  server = await Server.start("tests.interop.stale.main:app");
});
afterEach(() => server.stop());

/** The server stops, and comes back on the same port as that app. */
async function becomes(app?: string): Promise<void> {
  await server.stop();
  await server.up(app);
}

function clientOf(options: ConnectOptions): Client {
  return connect({
    url: server.origin,
    onStale: (stale) => told.push(stale),
    // Which connections fail meanwhile is not what is looked at.
    onError: () => undefined,
    // The shortest pause before each attempt: a server that takes long to start would make them long.
    environment: { random: () => 0 },
    ...options,
  });
}

/** Each kind of procedure, called as the generated file has it. */
async function works(client: Client): Promise<void> {
  expect(await client.subtract(7, 2)).toBe(5);
  expect(await client.read(3)).toMatchObject({ text: "note 3" });
  expect(await client.read(3, true)).toMatchObject({ text: "NOTE 3" });
  expect(await client.save({ text: "hi" }, "ann")).toMatchObject({ text: "ann: hi" });
  const numbers: number[] = [];
  for await (const number of client.count(3)) numbers.push(number);
  expect(numbers).toEqual([0, 1, 2]);
}

async function connected(client: Client): Promise<void> {
  await vi.waitFor(() => expect(client.status.state).toBe("connected"), { timeout: 15_000, interval: 20 });
}

describe("a client that is older than its server", () => {
  test("goes on over the WebSocket, and is told once", async () => {
    const client = clientOf({ WebSocket });
    await works(client);
    expect(told).toEqual([]);

    // A deployment, or a reload while developing.
    await becomes(V2);
    await connected(client);
    await works(client);
    expect(told).toEqual([{ client: contract.calls, server: expect.stringMatching(HASH) }]);
    expect(told[0]?.server).not.toBe(contract.calls);

    await becomes(V2);
    await connected(client);
    await works(client);
    await becomes();
    await connected(client);
    await works(client);
    expect(told).toHaveLength(1);
    client.close();
  });

  test("goes on over HTTP, and is told once", async () => {
    const client = clientOf({});
    await works(client);
    expect(told).toEqual([]);
    await becomes(V2);
    await works(client);
    expect(told).toEqual([{ client: contract.calls, server: expect.stringMatching(HASH) }]);
    client.close();
  });

  test("each client that shares a connection is told", async () => {
    await becomes(V2);
    const first = clientOf({ WebSocket });
    const second = clientOf({ WebSocket });
    await works(first);
    await works(second);
    expect(told).toHaveLength(2);
    first.close();
    second.close();
  });
});

test("`fusewire check` calls these changes compatible", () => {
  const python = process.env.FUSEWIRE_PYTHON ?? join(import.meta.dirname, "../../../.venv/bin/python");
  const fusewire = join(dirname(python), "fusewire");
  const run = (...command: string[]) =>
    spawnSync(fusewire, command, { cwd: join(import.meta.dirname, "../../.."), encoding: "utf8" });
  const newer = join(mkdtempSync(join(tmpdir(), "fusewire-")), "v2.json");
  expect(run("generate", V2, "--contract", newer).stderr).toBe("");
  const { stdout, status } = run("check", join(import.meta.dirname, "fuse.contract.json"), newer);
  expect(stdout).toContain("\n0 breaking, ");
  expect(status).toBe(0);
});
