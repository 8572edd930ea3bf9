import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clientOf, connect, until } from "./support/client.js";
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
    await connect(client);
    clock.advance(1_000);
    const lost = client.add(1, 2);
    const first = await server.peer();
    await first.next("call");
    lose(first);
    await expect(lost).rejects.toMatchObject({ code: "CONNECTION_LOST", maybeExecuted: true });
    expect(client.status).toMatchObject({ state: "connecting", code, attempt: 1 });
    const waiting = client.add(3, 4);
    expect(server.peers).toHaveLength(1);
    clock.advance(149);
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

  it("soon after welcome is tried again as after two failures", async () => {
    const { client, clock } = clientOf(server);
    clock.randomValue = 0.999;
    for (const [held, pause] of [
      [999, 1_198],
      [0, 1_198],
      [1_000, 299],
    ] as const) {
      await connect(client);
      clock.advance(held);
      (await server.peer()).socket.terminate();
      await until(() => client.status.attempt === 1);
      expect(clock.pending).toEqual([pause]);
      clock.advance(pause);
    }
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
    expect(waits).toEqual([299, 599, 1_198, 2_397, 4_795, 9_590, 19_180, 19_980]);
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
    clock.advance(150);
    const peer = await server.peer();
    expect((await peer.next("hello")).credentials).toEqual({ token: 1 });
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
