import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CallInfo } from "../src/call.js";
import { FIRST_DELAY_MS } from "../src/connection/backoff.js";
import { type ConnectOptions, createClient } from "../src/index.js";
import { decode, encode } from "../src/wire/codec.js";
import {
  clientOf,
  descriptor,
  type Events,
  type Procedures,
  type TestClient,
  until,
} from "./support/client.js";
import { FakeClock } from "./support/clock.js";
import type { Message } from "./support/messages.js";
import { type Peer, ScriptedServer } from "./support/server.js";

type Call = Extract<Message, { kind: "call" }>;

/** Longer than the pause behind a connection that did not last. */
const SOON_MS = 4 * FIRST_DELAY_MS;
/** Longer than any pause. */
const A_WHILE_MS = 20_000;

describe("over WebSocket, a call that may be sent again", () => {
  let server: ScriptedServer;
  beforeEach(async () => {
    server = await ScriptedServer.start();
  });
  afterEach(() => server.stop());

  /** Cuts a connection that has been welcomed, so that the pause is a short one. */
  async function lose(peer: Peer, client: TestClient): Promise<void> {
    await until(() => client.status.state === "connected");
    peer.socket.terminate();
    await until(() => client.status.attempt === 1);
  }

  /** Takes the next connection, and the call that comes on it; then cuts it, and lets the pause pass. */
  async function cut(client: TestClient, clock: FakeClock): Promise<Call> {
    const peer = await server.peer();
    const call = await peer.next("call");
    await lose(peer, client);
    clock.advance(SOON_MS);
    return call;
  }

  it("is sent on the next connection, with the arguments of the first time", async () => {
    const told: CallInfo[] = [];
    const { client, clock } = clientOf(server, { onCall: (info) => told.push(info) });
    const value = { n: 1 };
    const put = client.put("a", value);
    const first = await cut(client, clock);
    value.n = 2;
    const peer = await server.peer();
    const again = await peer.next("call");
    expect(again.kwargs).toEqual(first.kwargs);
    expect(again.kwargs).toEqual({ key: "a", value: { n: 1 } });
    expect([first.key, again.key]).toEqual([undefined, undefined]);
    peer.send({ kind: "result", id: again.id, value: 7 });
    expect(await put).toBe(7);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ name: "put", error: undefined });
    client.close();
  });

  it("has one key over all attempts where the server looks for one, and each call has its own", async () => {
    const { client, clock } = clientOf(server);
    const calls = [client.pay("A1"), client.pay("A2")];
    const keys: (string | undefined)[][] = [];
    for (const last of [false, false, false, true]) {
      const peer = await server.peer();
      const sent = [await peer.next("call"), await peer.next("call")];
      sent.sort((a, b) => `${a.kwargs?.order}`.localeCompare(`${b.kwargs?.order}`));
      keys.push(sent.map(({ key }) => key));
      if (last) for (const { id } of sent) peer.send({ kind: "result", id, value: id });
      else {
        await lose(peer, client);
        clock.advance(SOON_MS);
      }
    }
    await Promise.all(calls);
    const [[one, two] = [], ...others] = keys;
    expect(one).toMatch(/^[\w+/]{24}$/);
    expect(two).toMatch(/^[\w+/]{24}$/);
    expect(one).not.toBe(two);
    for (const other of others) expect(other).toEqual([one, two]);
    client.close();
  });

  it("is sent three times more, and then it is lost", async () => {
    const { client, clock } = clientOf(server);
    const put = client.put("a", 1);
    put.catch(() => undefined);
    for (let attempt = 1; attempt <= 4; attempt++) await cut(client, clock);
    await expect(put).rejects.toMatchObject({ code: "CONNECTION_LOST", maybeExecuted: true });
    const peer = await server.peer();
    const next = client.add(1, 2);
    expect((await peer.next("call")).name).toBe("add");
    peer.socket.terminate();
    await expect(next).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    client.close();
  });

  it("is one of those that are marked; the others are sent once", async () => {
    const { client, clock } = clientOf(server);
    const lost = client.add(1, 2);
    lost.catch(() => undefined);
    await cut(client, clock);
    await expect(lost).rejects.toMatchObject({ code: "CONNECTION_LOST", maybeExecuted: true });
    const stream = client.chat("hi").next();
    const peer = await server.peer();
    expect((await peer.next("call")).name).toBe("chat");
    peer.socket.terminate();
    await expect(stream).rejects.toMatchObject({ code: "CONNECTION_LOST", maybeExecuted: true });
    await until(() => client.status.attempt > 0);
    clock.advance(SOON_MS);
    await (await server.peer()).next("hello");
    expect(server.peers.flatMap((each) => each.all("call")).map(({ name }) => name)).toEqual(["add", "chat"]);
    client.close();
  });

  it("fails with its deadline when no connection comes back, and may have been executed", async () => {
    const { client, clock } = clientOf(server);
    clock.randomValue = 0.999;
    const put = client.with({ timeout: 5_000 }).put("a", 1);
    put.catch(() => undefined);
    const peer = await server.peer();
    expect((await peer.next("call")).timeout_ms).toBe(5_000);
    server.onMessage = () => undefined;
    await lose(peer, client);
    clock.advance(4_999);
    const pending = await Promise.race([put, Promise.resolve("pending")]);
    expect(pending).toBe("pending");
    clock.advance(501);
    await expect(put).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED", maybeExecuted: true });
    client.close();
  });

  it("is told to the server with what is left of its time", async () => {
    const { client, clock } = clientOf(server);
    const put = client.with({ timeout: 5_000 }).put("a", 1);
    const first = await server.peer();
    expect((await first.next("call")).timeout_ms).toBe(5_000);
    clock.advance(2_000);
    await lose(first, client);
    clock.advance(SOON_MS);
    const second = await server.peer();
    const { id, timeout_ms } = await second.next("call");
    expect(timeout_ms).toBe(3_000 - SOON_MS);
    second.send({ kind: "result", id, value: null });
    await put;
    client.close();
  });

  it("is not sent again once its caller has aborted it", async () => {
    const { client, clock } = clientOf(server);
    const [before, during] = [new AbortController(), new AbortController()];
    const calls = [before, during].map(({ signal }) => client.with({ signal }).put("a", 1));
    for (const call of calls) call.catch(() => undefined);
    const first = await server.peer();
    await first.next("call");
    await first.next("call");
    before.abort();
    await first.next("cancel");
    await lose(first, client);
    during.abort(new Error("mine"));
    await expect(calls[0]).rejects.toMatchObject({ name: "AbortError" });
    await expect(calls[1]).rejects.toThrow("mine");
    clock.advance(SOON_MS);
    const second = await server.peer();
    const sum = client.add(1, 2);
    const { id } = await second.next("call");
    second.send({ kind: "result", id, value: 3 });
    expect(await sum).toBe(3);
    expect(second.all("call")).toHaveLength(1);
    client.close();
  });

  it("fails when the client is closed meanwhile", async () => {
    const { client, clock } = clientOf(server);
    const put = client.put("a", 1);
    put.catch(() => undefined);
    const peer = await server.peer();
    await peer.next("call");
    clock.randomValue = 0.999;
    await lose(peer, client);
    client.close();
    await expect(put).rejects.toMatchObject({ code: "CONNECTION_LOST", maybeExecuted: true });
  });

  it("fails with its client, though another one uses the connection on", async () => {
    const [{ client }, { client: other }] = [clientOf(server), clientOf(server)];
    const put = client.put("a", 1);
    put.catch(() => undefined);
    const peer = await server.peer();
    await peer.next("call");
    const sum = other.add(1, 2);
    client.close();
    await expect(put).rejects.toMatchObject({ code: "CONNECTION_LOST", maybeExecuted: true });
    const { id, name } = await peer.next("call");
    expect(name).toBe("add");
    peer.send({ kind: "result", id, value: 3 });
    expect(await sum).toBe(3);
    expect(peer.all("call").map((call) => call.name)).toEqual(["put", "add"]);
    other.close();
  });

  it("fails with why there will be no connection", async () => {
    const { client, clock } = clientOf(server);
    const calls = [client.put("a", 1), client.pay("A1")];
    for (const call of calls) call.catch(() => undefined);
    const first = await server.peer();
    await first.next("call");
    await first.next("call");
    server.onMessage = (peer, { kind }) => {
      if (kind !== "hello") return;
      peer.send({ kind: "error", id: null, status: 401, code: "UNAUTHENTICATED", detail: "who?" });
      peer.socket.close(4501, "unauthenticated");
    };
    await lose(first, client);
    // It was not sent before, so that it was certainly not executed.
    const never = client.put("b", 1);
    clock.advance(SOON_MS);
    for (const call of calls)
      await expect(call).rejects.toMatchObject({ code: "UNAUTHENTICATED", status: 401, maybeExecuted: true });
    await expect(never).rejects.toMatchObject({ code: "UNAUTHENTICATED", maybeExecuted: false });
    client.close();
  });

  it("goes at once to the connection that replaces the one it was lost with", async () => {
    const { client } = clientOf(server);
    const put = client.put("a", 1);
    const first = await server.peer();
    await first.next("call");
    first.send({ kind: "goaway", drain_ms: 1_000 });
    const second = await server.peer();
    await until(() => client.status.state === "connected");
    first.socket.terminate();
    const { id } = await second.next("call");
    second.send({ kind: "result", id, value: 1 });
    expect(await put).toBe(1);
    client.close();
  });

  it("fails with the connection that drains when the other one has stopped for good", async () => {
    const { client } = clientOf(server);
    const put = client.with({ timeout: 0 }).put("a", 1);
    put.catch(() => undefined);
    const first = await server.peer();
    await first.next("call");
    first.send({ kind: "goaway", drain_ms: 1_000 });
    const second = await server.peer();
    await until(() => client.status.state === "connected");
    second.socket.close(4500, "protocol_error");
    await until(() => client.status.state === "disconnected");
    first.socket.terminate();
    await expect(put).rejects.toMatchObject({ code: "PROTOCOL_ERROR", maybeExecuted: true });
    client.close();
  });

  it("may have been executed whatever its last attempt is answered", async () => {
    const { client, clock } = clientOf(server);
    const calls = [client.put("a", 1), client.add(1, 2)];
    const failures = Promise.allSettled(calls);
    await cut(client, clock);
    const peer = await server.peer();
    const { id } = await peer.next("call");
    const gone = {
      kind: "error",
      id,
      status: 404,
      code: "NOT_FOUND",
      detail: "gone",
      data: { n: 1 },
    } as const;
    peer.send(gone);
    expect(await failures).toMatchObject([
      { reason: { code: "NOT_FOUND", status: 404, detail: "gone", data: { n: 1 }, maybeExecuted: true } },
      { reason: { code: "CONNECTION_LOST" } },
    ]);
    const answered = client.put("a", 1);
    const { id: another } = await peer.next("call");
    peer.send({ ...gone, id: another });
    await expect(answered).rejects.toMatchObject({ code: "NOT_FOUND", maybeExecuted: false });
    client.close();
  });
});

describe("over HTTP, a call that may be sent again", () => {
  let server: Server;
  let seen: { request: IncomingMessage; body: unknown }[];
  let answer: (response: ServerResponse, attempt: number) => void;
  let clock: FakeClock;

  beforeEach(async () => {
    seen = [];
    clock = new FakeClock();
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      seen.push({ request, body: decode(Buffer.concat(chunks)) });
      answer(response, seen.length);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const cut = (response: ServerResponse): void => void response.socket?.destroy();
  const reply = (response: ServerResponse, value: unknown, status = 200): void =>
    void response.writeHead(status, { "content-type": "application/msgpack" }).end(encode(value));

  function httpClient(options: ConnectOptions = {}): TestClient {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    return createClient<Procedures, Events>(descriptor, { url, environment: clock, ...options });
  }

  /** Lets the pause before an attempt pass, when there is one. */
  async function attempts(count: number): Promise<void> {
    for (let attempt = 1; attempt <= count; attempt++) {
      await until(() => seen.length === attempt);
      if (attempt === count) return;
      // The pause is shorter than the deadline.
      await until(() => clock.pending.length > 1);
      clock.advance(clock.pending[0] ?? 0);
    }
  }

  it("is sent again after a pause, with the same key and what is left of its time", async () => {
    answer = (response, attempt) => (attempt < 3 ? cut(response) : reply(response, 7));
    const lines = ["a"];
    const pay = httpClient({ timeout: 10_000 }).pay("A1", lines);
    lines.push("b");
    await attempts(3);
    expect(await pay).toBe(7);
    const [first] = seen;
    const key = first?.request.headers["idempotency-key"];
    expect(key).toMatch(/^[\w+/]{24}$/);
    for (const { request, body } of seen) {
      expect(request.headers["idempotency-key"]).toBe(key);
      expect(body).toEqual({ order: "A1", lines: ["a"] });
    }
    const times = seen.map(({ request }) => Number(request.headers["fusewire-timeout"]));
    expect(times).toEqual([10_000, 9_250, 7_750]);
  });

  it("has no key where the server looks for none", async () => {
    answer = (response, attempt) => (attempt < 2 ? cut(response) : reply(response, 7));
    const put = httpClient().put("a", 1);
    await attempts(2);
    expect(await put).toBe(7);
    expect(seen.map(({ request }) => request.headers["idempotency-key"])).toEqual([undefined, undefined]);
  });

  it("is sent three times more, in ever longer pauses, and then it is lost", async () => {
    answer = cut;
    const startedAt = clock.now();
    const put = httpClient().put("a", 1);
    put.catch(() => undefined);
    await attempts(4);
    await expect(put).rejects.toMatchObject({ code: "CONNECTION_LOST", maybeExecuted: true });
    expect(clock.now() - startedAt).toBe(750 + 1_500 + 3_000);
    expect(clock.pending).toEqual([]);
    expect(seen).toHaveLength(4);
  });

  it("is one of those that are marked; the others are sent once", async () => {
    answer = cut;
    await expect(httpClient().add(1, 2)).rejects.toMatchObject({
      code: "CONNECTION_LOST",
      maybeExecuted: true,
    });
    clock.advance(A_WHILE_MS);
    expect(seen).toHaveLength(1);
  });

  it("is not sent again for an answer, whatever it says", async () => {
    answer = (response) => reply(response, { code: "UNAVAILABLE", detail: "away" }, 503);
    await expect(httpClient().pay("A1")).rejects.toMatchObject({ code: "UNAVAILABLE", maybeExecuted: false });
    expect(clock.pending).toEqual([]);
    expect(seen).toHaveLength(1);
  });

  it("is not sent again when it was aborted, though its fetch speaks of the network", async () => {
    let fetched = 0;
    const fetch: typeof globalThis.fetch = (_, init) => {
      fetched++;
      return new Promise((_, reject) => {
        init?.signal?.addEventListener("abort", () => reject(new TypeError("network error")));
      });
    };
    const controller = new AbortController();
    const put = httpClient({ fetch }).with({ signal: controller.signal }).put("a", 1);
    put.catch(() => undefined);
    await until(() => fetched === 1);
    controller.abort(new Error("mine"));
    await expect(put).rejects.toThrow("mine");
    await new Promise((resolve) => setImmediate(resolve));
    expect(clock.pending).toEqual([]);
    expect(fetched).toBe(1);
  });

  it.each(["aborted", "closed", "too late"])("is not sent again when it is %s in the pause", async (how) => {
    answer = cut;
    const controller = new AbortController();
    const client = httpClient({ timeout: 400 });
    const put = client.with({ signal: controller.signal }).put("a", 1);
    put.catch(() => undefined);
    await until(() => clock.pending.length > 1);
    if (how === "aborted") controller.abort(new Error("mine"));
    else if (how === "closed") client.close();
    else clock.advance(400);
    const errors = {
      aborted: { message: "mine" },
      closed: { code: "CONNECTION_LOST", maybeExecuted: true },
      "too late": { code: "DEADLINE_EXCEEDED", maybeExecuted: true },
    };
    await expect(put).rejects.toMatchObject(errors[how as keyof typeof errors]);
    expect(clock.pending).toEqual([]);
    clock.advance(A_WHILE_MS);
    expect(seen).toHaveLength(1);
  });
});
