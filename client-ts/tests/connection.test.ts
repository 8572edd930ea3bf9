import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { clientOf, connect, type TestClient, until } from "./support/client.js";
import { type Peer, ScriptedServer } from "./support/server.js";

let server: ScriptedServer;
beforeEach(async () => {
  server = await ScriptedServer.start();
});
afterEach(() => server.stop());

describe("a connection that is lost", () => {
  it.each([
    ["1006", (peer: { socket: { terminate(): void } }) => peer.socket.terminate(), "connection_lost"],
    ["4000", (peer: Peer) => peer.socket.close(4000, "going_away"), "going_away"],
  ] as const)("with %s fails what is in flight and comes back", async (_, lose, code) => {
    const { client, clock } = clientOf(server);
    const lost = client.add(1, 2);
    const first = await server.peer();
    await first.next("call");
    lose(first);
    await expect(lost).rejects.toMatchObject({ code: "CONNECTION_LOST", maybeExecuted: true });
    expect(client.status).toMatchObject({ state: "connecting", code, attempt: 1 });
    const waiting = client.add(3, 4);
    expect(server.peers).toHaveLength(1);
    clock.advance(499);
    expect(client.status.code).toBe(code);
    clock.advance(1);
    const second = await server.peer();
    expect(await second.next("hello")).toMatchObject({ session: "s1" });
    const call = await second.next("call");
    second.send({ kind: "result", id: call.id, value: 7 });
    expect(await waiting).toBe(7);
    expect(client.status).toMatchObject({ state: "connected", attempt: 0 });
    client.close();
  });

  it("is retried with longer and longer waits", async () => {
    server.onMessage = (peer) => peer.socket.terminate();
    const { client, clock } = clientOf(server);
    clock.randomValue = 0.999;
    client.on("Tick", () => undefined);
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 8; attempt++) {
      await until(() => client.status.attempt === attempt);
      waits.push(clock.pending[0] ?? 0);
      clock.advance(clock.pending[0] ?? 0);
    }
    expect(waits).toEqual([999, 1499, 2498, 4496, 8492, 16_484, 20_000, 20_000]);
    client.close();
  });

  it("is noticed by its silence, after heartbeat_ms and 8 s", async () => {
    server.onMessage = (peer, message) => {
      if (message.kind === "hello") peer.welcome({ limits: { heartbeat_ms: 10_000 } });
    };
    const { client, clock } = clientOf(server);
    const sum = client.with({ timeout: 0 }).add(1, 2);
    const peer = await server.peer();
    await peer.next("call");
    clock.advance(10_000);
    peer.send({ kind: "ping" });
    await peer.next("pong");
    clock.advance(17_999);
    expect(client.status.state).toBe("connected");
    clock.advance(1);
    await expect(sum).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    expect(client.status).toMatchObject({ state: "connecting", code: "heartbeat" });
    expect(await peer.closed).toBe(4002);
    client.close();
  });

  it("is given up when no welcome comes", async () => {
    server.onMessage = () => undefined;
    const { client, clock } = clientOf(server);
    client.on("Tick", () => undefined);
    const peer = await server.peer();
    await peer.next("hello");
    clock.advance(20_000);
    expect(client.status).toMatchObject({ state: "connecting", code: "connect_timeout" });
    await peer.closed;
    client.close();
  });

  it("comes back at once when the platform is online again", async () => {
    const listeners = new Set<() => void>();
    Object.assign(globalThis, {
      addEventListener: (_: string, run: () => void) => listeners.add(run),
      removeEventListener: (_: string, run: () => void) => listeners.delete(run),
    });
    try {
      const { client } = clientOf(server);
      client.on("Tick", () => undefined);
      const first = await server.peer();
      await until(() => client.status.state === "connected");
      first.socket.terminate();
      await until(() => client.status.attempt === 1);
      for (const run of listeners) run();
      await (await server.peer()).next("hello");
      client.close();
      expect(listeners.size).toBe(0);
    } finally {
      Reflect.deleteProperty(globalThis, "addEventListener");
      Reflect.deleteProperty(globalThis, "removeEventListener");
    }
  });
});

describe("a server of another contract", () => {
  it("is told of once for each contract that the client meets", async () => {
    const contracts = ["v2", "v2", undefined, "v3", "v2"];
    server.onMessage = (peer, message) => {
      if (message.kind !== "hello") return;
      const calls = contracts.shift();
      peer.welcome(calls === undefined ? {} : { same: false, calls });
    };
    const told: unknown[] = [];
    const { client } = clientOf(server, { onStale: (contract) => told.push(contract) });
    await connect(client);
    while (contracts.length > 0) {
      const peer = await server.peer();
      peer.send({ kind: "goaway", drain_ms: 100 });
      await peer.closed;
    }
    await until(() => client.status.state === "connected");
    const mine = "0123456789abcdef";
    expect(told).toEqual([
      { client: mine, server: "v2" },
      { client: mine, server: "v3" },
    ]);
    client.close();
  });

  it("is told to every client of a connection", async () => {
    server.onMessage = (peer, message) => {
      if (message.kind === "hello") peer.welcome({ same: false, calls: "v2" });
    };
    const told: string[] = [];
    const clients = ["a", "b"].map(
      (name) => clientOf(server, { onStale: ({ server }) => told.push(`${name} ${server}`) }).client,
    );
    for (const client of clients) await connect(client);
    expect(server.peers).toHaveLength(1);
    expect(told).toEqual(["a v2", "b v2"]);
    for (const client of clients) client.close();
  });
});

describe("a refused identity", () => {
  it("stops the client with the server's words, until it authenticates again", async () => {
    let token = "bad";
    server.onMessage = (peer, message) => {
      if (message.kind !== "hello") return;
      if (message.credentials?.token === "good") return peer.welcome();
      peer.send({ kind: "error", id: null, status: 401, code: "UNAUTHENTICATED", detail: "unknown token" });
      peer.socket.close(4501, "unauthenticated");
    };
    const { client, clock } = clientOf(server, { auth: async () => ({ token }) });
    const sum = client.add(1, 2);
    const tick = client.once("Tick");
    await expect(sum).rejects.toMatchObject({
      code: "UNAUTHENTICATED",
      status: 401,
      message: "unknown token",
    });
    await expect(tick).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    expect(client.status).toMatchObject({ state: "disconnected", code: "unauthenticated" });
    expect(clock.pending).toEqual([]);
    await expect(client.add(1, 2)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    await expect(client.reauthenticate()).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    expect(server.peers).toHaveLength(2);
    token = "good";
    await client.reauthenticate();
    expect(client.status.state).toBe("connected");
    client.close();
  });

  it.each([
    [4500, "protocol_error", "PROTOCOL_ERROR"],
    [4503, "flood", "FLOOD"],
    [4999, "", "CLOSED_4999"],
  ])(
    "and other terminal closes (%d) have the names that the server gives them",
    async (close, name, code) => {
      server.onMessage = (peer) => peer.socket.close(close, name);
      const { client } = clientOf(server);
      await expect(client.add(1, 2)).rejects.toMatchObject({ code, status: 503 });
      client.close();
    },
  );
});

describe("credentials", () => {
  it("are refreshed on the live connection", async () => {
    let token = 1;
    const { client } = clientOf(server, { auth: () => ({ token: token++ }) });
    await client.reauthenticate();
    expect(server.peers).toHaveLength(0);
    client.on("Tick", () => undefined);
    const peer = await server.peer();
    await until(() => client.status.state === "connected");
    const done = client.reauthenticate();
    const refresh = await peer.next("refresh");
    expect(refresh.credentials).toEqual({ token: 2 });
    peer.send({ kind: "result", id: refresh.id, value: null });
    await done;
    const refused = client.reauthenticate();
    const { id } = await peer.next("refresh");
    peer.send({ kind: "error", id, status: 401, code: "UNAUTHENTICATED", detail: "no" });
    await expect(refused).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    client.close();
  });

  it("that are cookies come with a new handshake; calls under way finish on the old one", async () => {
    const { client } = clientOf(server, {});
    const slow = client.add(1, 2);
    const old = await server.peer();
    const slowCall = await old.next("call");
    const done = client.reauthenticate();
    const next = await server.peer();
    await done;
    expect(old.all("refresh")).toEqual([]);
    const fresh = client.add(3, 4);
    const call = await next.next("call");
    next.send({ kind: "result", id: call.id, value: 7 });
    expect(await fresh).toBe(7);
    old.send({ kind: "result", id: slowCall.id, value: 3 });
    expect(await slow).toBe(3);
    await old.closed;
    client.close();
  });

  it("that cannot be had are reported and asked for again", async () => {
    let times = 0;
    const { client, clock, errors } = clientOf(server, {
      auth: async () => {
        if (++times === 1) throw new Error("offline");
        return { token: new Map([[times, 1]]).size };
      },
    });
    client.on("Tick", () => undefined);
    await until(() => client.status.attempt === 1);
    expect(errors).toEqual([new Error("offline")]);
    expect(client.status).toMatchObject({ code: "auth_failed", reason: "offline" });
    clock.advance(500);
    const peer = await server.peer();
    expect((await peer.next("hello")).credentials).toEqual({ token: 1 });
    client.close();
  });
});

describe("goaway", () => {
  it("finishes accepted calls on the old connection and makes new ones on the next", async () => {
    const { client } = clientOf(server);
    const ticks: number[] = [];
    client.on("Tick", (tick) => ticks.push(tick));
    const slow = client.add(1, 2);
    const old = await server.peer();
    const slowCall = await old.next("call");
    old.send({ kind: "goaway", drain_ms: 5_000 }, { kind: "event", name: "Tick", value: 1 });
    const next = await server.peer();
    const fresh = client.add(3, 4);
    const call = await next.next("call");
    old.send({ kind: "event", name: "Tick", value: 99 });
    next.send({ kind: "event", name: "Tick", value: 2 }, { kind: "result", id: call.id, value: 7 });
    expect(await fresh).toBe(7);
    expect(old.closeCode).toBeUndefined();
    old.send({ kind: "result", id: slowCall.id, value: 3 });
    expect(await slow).toBe(3);
    await old.closed;
    expect(old.all("call")).toHaveLength(1);
    expect(ticks).toEqual([1, 2]);
    client.close();
  });

  it("ends quietly when the server closes the old connection", async () => {
    const { client } = clientOf(server);
    const codes: string[] = [];
    client.status.subscribe(({ code }) => codes.push(code));
    client.on("Tick", () => undefined);
    const old = await server.peer();
    await until(() => client.status.state === "connected");
    const slow = expect(client.add(1, 2)).rejects.toMatchObject({
      code: "CONNECTION_LOST",
      maybeExecuted: true,
    });
    await old.next("call");
    old.send({ kind: "goaway", drain_ms: 5_000 });
    await (await server.peer()).next("hello");
    await until(() => client.status.state === "connected");
    old.socket.close(4000, "going_away");
    // Those that the server gave up with it may have run.
    await slow;
    expect(codes).toEqual(["idle", "requested", "connected", "goaway", "connected"]);
    expect(server.peers).toHaveLength(2);
    client.close();
  });

  it("gives up what does not finish in time", async () => {
    const { client, clock } = clientOf(server, { timeout: 0 });
    const slow = client.add(1, 2);
    const old = await server.peer();
    await old.next("call");
    old.send({ kind: "goaway", drain_ms: 5_000 });
    await server.peer();
    clock.advance(13_000);
    await expect(slow).rejects.toMatchObject({ code: "CONNECTION_LOST", maybeExecuted: true });
    client.close();
  });

  describe("and a call that crosses it", () => {
    const unavailable = { kind: "error", status: 503, code: "UNAVAILABLE", detail: "draining" } as const;

    /** A client whose server goes away as soon as it has been called by name or position. */
    async function crossing(call: (client: TestClient) => unknown) {
      const { client, clock, errors } = clientOf(server);
      await connect(client);
      const result = call(client);
      const old = await server.peer();
      const first = await old.next("call");
      old.send({ kind: "goaway", drain_ms: 5_000 }, { ...unavailable, id: first.id });
      const next = await server.peer();
      return { client, clock, errors, result: { result }, old, first, next };
    }

    it("makes the call on the new connection, by name until that is welcomed", async () => {
      const { client, errors, result, first, next, old } = await crossing((client) => client.add(1, 2));
      expect(first.args).toEqual([1, 2]);
      const call = await next.next("call");
      expect(call).toMatchObject({ name: "add", kwargs: { a: 1, b: 2 } });
      expect(next.frames[0]?.map(({ kind }) => kind)).toEqual(["hello", "call"]);
      next.send({ kind: "result", id: call.id, value: 3 });
      expect(await result.result).toBe(3);
      await old.closed;
      expect(errors).toEqual([]);
      client.close();
    });

    it("sends the arguments as they were when the call was made", async () => {
      const value = { list: [1, null, new Uint8Array([7])], at: new Date(5) };
      const { client, result, next } = await crossing((client) => {
        const made = client.optional(value as unknown as number, undefined, 3);
        value.list.push(2);
        value.at = new Date(6);
        return made;
      });
      const call = await next.next("call");
      const a = { list: [1, null, new Uint8Array([7])], at: new Date(5) };
      expect(call).toMatchObject({ name: "optional", kwargs: { a, c: 3 } });
      next.send({ kind: "result", id: call.id, value: null });
      await result.result;
      client.close();
    });

    it("does so for streams, for calls that had waited, and as often as servers go away", async () => {
      const { client, result, next } = await crossing((client) => client.chat("hi"));
      const second = await next.next("call");
      next.send({ kind: "goaway", drain_ms: 5_000 }, { ...unavailable, id: second.id });
      const last = await server.peer();
      const call = await last.next("call");
      expect(call).toMatchObject({ name: "chat", kwargs: { prompt: "hi" } });
      last.send({ kind: "item", id: call.id, value: "a" }, { kind: "end", id: call.id });
      const read = [];
      for await (const item of result.result as AsyncIterable<string>) read.push(item);
      expect(read).toEqual(["a"]);
      client.close();
    });

    it("keeps its deadline", async () => {
      const { client, clock, result, next } = await crossing((client) => {
        server.onMessage = () => undefined;
        return client.with({ timeout: 5_000 }).add(1, 2);
      });
      await next.next("call");
      clock.advance(5_500);
      await expect(result.result).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
      client.close();
    });

    it("does not make it again once it was aborted", async () => {
      const { client } = clientOf(server);
      await connect(client);
      const controller = new AbortController();
      const aborted = client.with({ signal: controller.signal }).add(1, 2);
      const old = await server.peer();
      const { id } = await old.next("call");
      controller.abort("mine");
      await expect(aborted).rejects.toBe("mine");
      await old.next("cancel");
      old.send({ kind: "goaway", drain_ms: 5_000 }, { ...unavailable, id });
      const next = await server.peer();
      const other = client.add(3, 4);
      const call = await next.next("call");
      expect(call.kwargs).toEqual({ a: 3, b: 4 });
      next.send({ kind: "result", id: call.id, value: 7 });
      expect(await other).toBe(7);
      client.close();
    });

    it("rejects where it cannot be known that nothing was done: without goaway, or with an upload begun", async () => {
      const { client } = clientOf(server);
      await connect(client);
      const peer = await server.peer();
      const plain = expect(client.add(1, 2)).rejects.toMatchObject({ code: "UNAVAILABLE" });
      peer.send({ ...unavailable, id: (await peer.next("call")).id });
      await plain;
      const upload = expect(client.collect("x", [1])).rejects.toMatchObject({ code: "UNAVAILABLE" });
      const { id } = await peer.next("call");
      peer.send({ kind: "goaway", drain_ms: 5_000 }, { ...unavailable, id });
      await upload;
      client.close();
    });
  });
});

describe("clients", () => {
  it("of one URL share a connection, and the last one closes it", async () => {
    const [one, two] = [clientOf(server).client, clientOf(server).client];
    const sums = [one.add(1, 1), two.add(2, 2)];
    const peer = await server.peer();
    await peer.next("call");
    await peer.next("call");
    one.close();
    await expect(sums[0]).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    const cancel = await peer.next("cancel");
    peer.send({ kind: "result", id: 3 - cancel.id, value: 4 });
    expect(await sums[1]).toBe(4);
    expect(peer.closeCode).toBeUndefined();
    two.close();
    expect(await peer.closed).toBe(1000);
    expect(server.peers).toHaveLength(1);
  });

  it("of different identities do not", async () => {
    const one = clientOf(server, { auth: () => ({ token: "1" }) }).client;
    const two = clientOf(server, { auth: () => ({ token: "2" }) }).client;
    one.on("Tick", () => undefined);
    two.on("Tick", () => undefined);
    const tokens = [];
    for (const peer of [await server.peer(), await server.peer()]) {
      tokens.push((await peer.next("hello")).credentials?.token);
    }
    expect(tokens.sort()).toEqual(["1", "2"]);
    one.close();
    two.close();
  });

  it("have methods and nothing else", async () => {
    const { client } = clientOf(server);
    expect(Reflect.get(client, "addd")).toBeUndefined();
    expect(Reflect.get(client.teams, "renam")).toBeUndefined();
    expect(await client).toBe(client);
    expect(client.add).toBe(client.add);
    expect(Object.keys(client)).toEqual(expect.arrayContaining(["add", "teams", "on"]));
    client.close();
  });

  it("tell their state to a store, whose subscribers may throw", async () => {
    const { client, errors } = clientOf(server);
    const codes: string[] = [];
    client.status.subscribe(({ code }) => {
      if (code === "requested") throw new Error("mine");
    });
    const off = client.status.subscribe((status) => codes.push(`${status.state}/${status.code}`));
    client.on("Tick", () => undefined);
    await until(() => client.status.state === "connected");
    off();
    client.close();
    expect(codes).toEqual(["disconnected/idle", "connecting/requested", "connected/connected"]);
    expect(errors).toEqual([new Error("mine")]);
  });

  it("report each call when it has settled", async () => {
    const seen: unknown[] = [];
    const { client } = clientOf(server, { onCall: (call) => seen.push(call) });
    const stream = client.numbers();
    const sum = client.add(1, 2);
    const peer = await server.peer();
    const [one, two] = [await peer.next("call"), await peer.next("call")];
    peer.send(
      { kind: "item", id: one.id, value: 1 },
      { kind: "end", id: one.id },
      { kind: "error", id: two.id, status: 400, code: "X", detail: null },
    );
    for await (const item of stream) expect(item).toBe(1);
    const error = await sum.catch((error: unknown) => error);
    expect(seen).toEqual([
      { name: "numbers", transport: "websocket", stream: true, durationMs: 0, items: 1 },
      { name: "add", transport: "websocket", stream: false, durationMs: 0, items: 0, error },
    ]);
    client.close();
  });
});

it("contains hooks that throw", async () => {
  const mine = new Error("mine");
  const throws = (): never => {
    throw mine;
  };
  server.onMessage = (peer, message) => {
    if (message.kind === "hello") peer.welcome({ same: false, calls: "other" });
    if (message.kind === "call") peer.send({ kind: "result", id: message.id, value: 3 });
  };
  const { client, errors } = clientOf(server, { onCall: throws, onStale: throws });
  expect(await client.add(1, 2)).toBe(3);
  expect(errors).toEqual([mine, mine]);
  client.close();
  const logged = vi.spyOn(console, "error").mockReturnValue(undefined);
  const other = clientOf(server, { onCall: throws, onError: throws, auth: () => ({}) }).client;
  expect(await other.add(1, 2)).toBe(3);
  expect(logged).toHaveBeenCalledWith(mine);
  logged.mockRestore();
  other.close();
});

describe("events", () => {
  it("reach every listener, also when one throws", async () => {
    const { client, errors } = clientOf(server);
    const seen: number[] = [];
    client.on("Tick", () => {
      throw new Error("mine");
    });
    const off = client.on("Tick", (tick) => seen.push(tick));
    const second = client.once("JobStatus");
    const peer = await server.peer();
    await until(() => client.status.state === "connected");
    peer.send(
      { kind: "event", name: "Tick", value: 1 },
      { kind: "event", name: "Nobody", value: 1 },
      { kind: "event", name: "JobStatus", value: { job_id: "j", progress: 1 } },
    );
    expect(await second).toEqual({ job_id: "j", progress: 1 });
    off();
    const last = client.once("Tick");
    peer.send({ kind: "event", name: "Tick", value: 2 });
    expect(await last).toBe(2);
    expect(seen).toEqual([1]);
    expect(errors).toEqual([new Error("mine"), new Error("mine")]);
    client.close();
  });

  it("can be iterated, and break unsubscribes", async () => {
    const { client } = clientOf(server);
    const events = client.events("Tick");
    const peer = await server.peer();
    await until(() => client.status.state === "connected");
    peer.send(...[1, 2, 3].map((value) => ({ kind: "event", name: "Tick", value }) as const));
    const seen: number[] = [];
    for await (const tick of events) if (seen.push(tick) === 2) break;
    expect(seen).toEqual([1, 2]);
    expect(await events.next()).toEqual({ done: true, value: undefined });
    client.close();
  });

  it("overflow the reader of an iteration with a named error", async () => {
    const { client } = clientOf(server);
    const events = client.events("Tick");
    const peer = await server.peer();
    await until(() => client.status.state === "connected");
    const last = client.once("JobStatus");
    peer.send(
      ...Array.from({ length: 1_025 }, (_, value) => ({ kind: "event", name: "Tick", value }) as const),
    );
    peer.send({ kind: "event", name: "JobStatus", value: { job_id: "", progress: 0 } });
    await last;
    for (let count = 0; count < 1_024; count++)
      expect(await events.next()).toEqual({ done: false, value: count });
    await expect(events.next()).rejects.toMatchObject({ code: "EVENTS_OVERFLOW" });
    client.close();
  });

  it("are not waited for where none can come", async () => {
    const { client } = clientOf(server);
    client.close();
    await expect(client.once("Tick")).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    await expect(client.events("Tick").next()).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    const http = clientOf(server, { WebSocket: undefined }).client;
    await expect(http.once("Tick")).rejects.toMatchObject({ code: "UNAVAILABLE" });
    server.onMessage = (peer) => peer.socket.close(4501, "unauthenticated");
    const refused = clientOf(server).client;
    await expect(refused.add(1, 2)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    await expect(refused.once("Tick")).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    refused.close();
  });

  it("stop with the signal", async () => {
    const { client } = clientOf(server);
    const controller = new AbortController();
    const scoped = client.with({ signal: controller.signal });
    const [once, next] = [scoped.once("Tick"), scoped.events("Tick").next()];
    controller.abort("enough");
    await expect(once).rejects.toBe("enough");
    await expect(next).rejects.toBe("enough");
    client.close();
  });
});

it("reports what belongs to no call, and stays connected", async () => {
  const { client, errors } = clientOf(server);
  client.on("Tick", () => undefined);
  const peer = await server.peer();
  await until(() => client.status.state === "connected");
  peer.send({ kind: "error", id: null, status: 400, code: "MALFORMED", detail: "what?" });
  peer.socket.send(Buffer.from("c1", "hex"));
  peer.socket.send(Buffer.from([99, 1]));
  peer.send({ kind: "ping" });
  await peer.next("pong");
  expect(errors).toMatchObject([{ code: "MALFORMED" }, { name: "DecodeError" }, {}, {}]);
  expect(client.status.state).toBe("connected");
  client.close();
});
