import type { ArgumentFault, StandardError } from "@fusewire/client";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { Server } from "../server";
import { type Client, connect, isError, safe } from "./fuse";

let server: Server;
const clients: Client[] = [];

beforeAll(async () => {
  server = await Server.start("tests.interop.errors.main:app");
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});
afterAll(() => server.stop());

describe.each(["websocket", "http"] as const)("over %s", (transport) => {
  function open(token?: string): Client {
    const client = connect({
      url: server.origin,
      ...(transport === "websocket" ? { WebSocket } : {}),
      ...(token ? { auth: () => ({ token }) } : {}),
    });
    clients.push(client);
    return client;
  }

  test("a declared error has its data", async () => {
    const client = open();
    expect(await safe(client.spend(3))).toEqual({ data: 3, error: undefined });
    const { data, error } = await safe(client.spend(11));
    expect(data).toBeUndefined();
    if (error?.code !== "BUDGET_SPENT") return expect.unreachable(String(error));
    const left: number = error.data.left;
    expect([left, error.status, error.message]).toEqual([10, 402, "Only 10 are left."]);
    const missing = (await safe(client.spend(101))).error;
    expect(isError(missing, "NOT_FOUND") && missing.data.left).toBe(100);
  });

  test("what declares data and brings none is a fault of the server", async () => {
    const { error } = await safe(open().without_data());
    expect(error?.code).toBe("INTERNAL");
    expect(error?.id).toMatch(/^[0-9a-f]{16}$/);
  });

  test("a stream gives its items, then its error", async () => {
    const items: number[] = [];
    let left: number | undefined;
    for await (const { data, error } of safe(open().spend_slowly(9))) {
      if (!error) items.push(data);
      else if (error.code === "BUDGET_SPENT") left = error.data.left;
    }
    expect([items, left]).toEqual([[0, 1, 2], 0]);
  });

  test("an argument that does not fit is told by its place", async () => {
    const { error } = await safe(open().spend("much" as unknown as number));
    if (!isError(error, "INVALID_ARGUMENT")) return expect.unreachable(String(error));
    const faults: readonly ArgumentFault[] = error.detail;
    expect(faults).toEqual([
      { type: "int_parsing", loc: ["body", "amount"], msg: expect.stringContaining("integer") },
    ]);
  });

  test("a limit tells when to try again", async () => {
    const client = open(`somebody over ${transport}`);
    expect((await safe(client.rare())).error).toBeUndefined();
    const { error } = await safe(client.rare());
    if (error?.code !== "RATE_LIMITED") return expect.unreachable(String(error));
    const seconds: number = error.data.retry_after;
    expect(seconds).toBeGreaterThan(0);
  });

  test.each([
    [400, "BAD_REQUEST"],
    [401, "UNAUTHENTICATED"],
    [404, "NOT_FOUND"],
    [409, "CONFLICT"],
    [418, "HTTP_418"],
    // The codes of these promise more than a status can.
    [422, "HTTP_422"],
    [429, "HTTP_429"],
    [503, "HTTP_503"],
  ] as const)("an HTTPException of %i is %s, without data", async (status, code) => {
    const { error } = await safe(open().by_status(status));
    const known: StandardError | undefined = error;
    expect(known).toMatchObject({ code, status, detail: `said with ${status}`, data: undefined });
  });

  test("the other standard errors", async () => {
    const client = open("somebody");
    const codes = [client.crash(), client.scoped(), client.slow(), open().private()].map(
      async (call) => (await safe(call)).error?.code,
    );
    expect(await Promise.all(codes)).toEqual([
      "INTERNAL",
      "FORBIDDEN",
      "DEADLINE_EXCEEDED",
      "UNAUTHENTICATED",
    ]);
  });
});

test("a file is an upload of bytes", async () => {
  const client = connect({ url: server.origin, WebSocket });
  clients.push(client);
  expect(await client.measure(new File(["abc", "d"], "four.txt"))).toBe(4);
});
