import { type ConnectOptions, Decimal, Duration, PlainDate, type Status, UUID } from "@fusewire/client";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { Server } from "../server";
import { type Client, Colour, connect, type EverythingInput, isError } from "./fuse";
import { noted, thrown } from "./support";

let server: Server;
const clients: Client[] = [];

beforeAll(async () => {
  server = await Server.start("tests.interop.features.main:app");
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});
afterAll(() => server.stop());

function open(transport: "websocket" | "http", options: Partial<ConnectOptions> = {}): Client {
  const client = connect({
    url: server.origin,
    ...(transport === "websocket" ? { WebSocket } : {}),
    ...options,
  });
  clients.push(client);
  return client;
}

const EVERYTHING: EverythingInput = {
  id: UUID("12345678-1234-5678-1234-567812345678"),
  name: "häß\u2028lich 🙂",
  when: new Date("2026-02-03T04:05:06.789Z"),
  day: PlainDate("2026-02-03"),
  span: Duration("P1DT2H"),
  price: Decimal("12345678901234567890.10"),
  raw: Uint8Array.of(0, 255, 128),
  flag: true,
  count: Number.MAX_SAFE_INTEGER,
  ratio: 0.1,
  nothing: null,
  colour: Colour.BLUE,
  pair: [1, "one"],
  tags: ["a"],
  scores: { "a b": 1.5 },
  shape: { kind: "circle", radius: 2 },
};

describe.each(["websocket", "http"] as const)("over %s", (transport) => {
  test("defaults, keywords and namespaces", async () => {
    const client = open(transport);
    expect(await client.add(1)).toBe(2);
    expect(await client.add(1, 2, { scale: 10 })).toBe(30);
    expect(await client.add(1, undefined, { scale: 10 })).toBe(20);
    expect(await client.teams.rename(7, "red")).toBe("7 is red");
    expect(await client.teams.find(["a", "b"], PlainDate("2026-01-02"))).toEqual(["a", "b", "2026-01-02"]);
  });

  test("absent is the default, null is None", async () => {
    const client = open(transport);
    expect(await client.maybe()).toBe(7);
    expect(await client.maybe(undefined)).toBe(7);
    expect(await client.maybe(null)).toBe(null);
  });

  test("every kind of value makes the round trip", async () => {
    const client = open(transport);
    const nested = { ...EVERYTHING, children: [{ ...EVERYTHING, class: "y" }] };
    expect(await client.echo(nested)).toEqual({
      ...EVERYTHING,
      class: "x",
      children: [{ ...EVERYTHING, class: "y", children: [] }],
    });
    const when = new Date("2026-02-03T04:05:06.789Z");
    expect(await client.now_is(when)).toEqual([when, new Date(when.getTime() + 86_400_000)]);
  });

  test("errors have their code, status, detail and data", async () => {
    const client = open(transport);
    const locked = await thrown(client.lock());
    expect([locked.code, locked.status, locked.detail, locked.data]).toEqual([
      "LOCKED",
      423,
      "it is locked",
      { n: 3 },
    ]);
    expect(isError(locked, "LOCKED") && locked.data.n).toBe(3);
    const crashed = await thrown(client.crash());
    expect([crashed.code, crashed.status]).toEqual(["INTERNAL", 500]);
    expect(crashed.id).toMatch(/^[0-9a-f]{16}$/);
    expect(String(crashed)).not.toContain("secret");
    const wrong = await thrown(client.echo({ ...EVERYTHING, count: 1.5 }));
    expect([wrong.code, wrong.detail]).toEqual([
      "INVALID_ARGUMENT",
      [{ type: "int_from_float", loc: ["body", "count"], msg: expect.any(String) }],
    ]);
  });

  test("a stream gives its items, falsy ones too, and its error last", async () => {
    const client = open(transport);
    const items: unknown[] = [];
    for await (const item of client.count("all", 300)) items.push(item);
    expect(items).toEqual(Array.from({ length: 300 }, (_, n) => n));
    const before: number[] = [];
    const failing = (async () => {
      for await (const n of client.breaks(2)) before.push(n);
    })();
    expect((await thrown(failing)).code).toBe("LOCKED");
    expect(before).toEqual([0, 1]);
  });

  test("break cancels in Python", async () => {
    const client = open(transport);
    const name = `break-${transport}`;
    for await (const item of client.count(name, 1_000_000)) if (item === 3) break;
    const notes = await noted(client, name, "cancelled");
    expect(notes.length).toBeLessThan(100_000);
  });

  test("an awaited stream is the stream", async () => {
    const stream = await open(transport).count("awaited", 2);
    const items: unknown[] = [];
    for await (const item of stream) items.push(item);
    expect(items).toEqual([0, 1]);
  });

  test("a signal aborts", async () => {
    const client = open(transport);
    const name = `abort-${transport}`;
    const controller = new AbortController();
    const waiting = client.with({ signal: controller.signal }).wait(name);
    const outcome = expect(waiting).rejects.toThrow(/abort/i);
    await noted(client, name, "started");
    controller.abort();
    await outcome;
    // A unary call over HTTP runs to its end: docs/guarantees.md.
    if (transport === "websocket") expect(await noted(client, name, "finally")).toContain("cancelled");
  });

  test("a thousand calls at once", async () => {
    const client = open(transport);
    const many = transport === "websocket" ? 1_000 : 50;
    const sums = await Promise.all(Array.from({ length: many }, (_, n) => client.add(n)));
    expect(sums).toEqual(Array.from({ length: many }, (_, n) => n + 1));
  });

  test("an argument that has no form is refused before it leaves", async () => {
    const client = open(transport);
    // biome-ignore lint/suspicious/noExplicitAny: what a caller without types does
    const untyped = client as any;
    await expect(untyped.add(new Map())).rejects.toThrow(TypeError);
    expect(untyped.addd).toBeUndefined();
    expect(untyped.then).toBeUndefined();
    expect(await client.add(1)).toBe(2);
  });
});

test("a timeout ends the call here and in Python", async () => {
  const client = open("websocket");
  const error = await thrown(client.with({ timeout: 100 }).wait("timeout"));
  expect([error.code, error.status]).toEqual(["DEADLINE_EXCEEDED", 504]);
  expect(await noted(client, "timeout", "finally")).toEqual(["started", "cancelled", "finally"]);
});

test("a reader that stops stops the generator", async () => {
  const client = open("websocket");
  const stream = client.count("slow", 1_000, 10_000)[Symbol.asyncIterator]();
  await stream.next();
  const made = (await client.noted("slow")).length;
  expect(made).toBeLessThanOrEqual(30);
  await stream.return?.();
  await noted(client, "slow", "cancelled");
});

test("events arrive in order, on every device of the user", async () => {
  const auth = () => ({ token: "ann" });
  const [one, two] = [open("websocket", { auth }), open("websocket", { auth, environment: {} })];
  const heard: number[][] = [[], []];
  one.on("Tick", (tick) => heard[0]?.push(tick.n));
  two.on("Tick", (tick) => heard[1]?.push(tick.n));
  expect(await Promise.all([one.me(), two.me()])).toEqual(["ann", "ann"]);
  await one.ticks(500);
  const all = Array.from({ length: 500 }, (_, n) => n);
  await vi.waitFor(() => expect(heard).toEqual([all, all]));
});

test("reauthenticate changes the user of the connection", async () => {
  let token: string | null = null;
  const client = open("websocket", { auth: () => (token === null ? null : { token }) });
  expect(await client.me()).toBe(null);
  token = "bob";
  await client.reauthenticate();
  expect(await client.me()).toBe("bob");
});

test("a refused identity is terminal and named", async () => {
  const client = open("websocket", { auth: () => ({ token: "refused" }), onError: () => undefined });
  expect((await thrown(client.me())).code).toBe("UNAUTHENTICATED");
  expect((await thrown(client.me())).code).toBe("UNAUTHENTICATED");
});

test("a server that dies and comes back", async () => {
  const client = open("websocket");
  const states: Status["state"][] = [];
  client.status.subscribe((status) => states.push(status.state));
  const waiting = client.wait("lost");
  const lost = thrown(waiting);
  await noted(client, "lost", "started");
  await server.stop("SIGKILL");
  const error = await lost;
  expect([error.code, error.maybeExecuted]).toEqual(["CONNECTION_LOST", true]);
  // Made while nobody is there: it waits for the server.
  const later = client.add(20, 22);
  await server.up();
  expect(await later).toBe(42);
  expect(states.filter((state, n) => state !== states[n - 1])).toEqual([
    "disconnected",
    "connecting",
    "connected",
    "connecting",
    "connected",
  ]);
});
