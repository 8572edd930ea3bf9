import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RpcError } from "../src/index.js";
import { clientOf, connect, until } from "./support/client.js";
import { BEYOND_NUMBERS } from "./support/messages.js";
import { ScriptedServer } from "./support/server.js";

let server: ScriptedServer;
beforeEach(async () => {
  server = await ScriptedServer.start();
});
afterEach(() => server.stop());

describe("a call", () => {
  it("opens the connection lazily, says hello and settles with the result", async () => {
    const { client } = clientOf(server, { auth: () => ({ token: "t" }) });
    expect(client.status.state).toBe("disconnected");
    expect(server.peers).toHaveLength(0);
    const sum = client.add(1, 2);
    expect(client.status.state).toBe("connecting");
    const peer = await server.peer();
    expect(peer.request.headers["sec-websocket-protocol"]).toBe("fusewire.v1.msgpack");
    expect(peer.request.url).toBe("/_ws");
    expect(await peer.next("hello")).toEqual({
      kind: "hello",
      calls: "0123456789abcdef",
      timeout_ms: 30_000,
      credentials: { token: "t" },
      positions: {},
    });
    const call = await peer.next("call");
    // It came with hello, when the client did not know yet whether the order of parameters is the server's.
    expect(call).toEqual({ kind: "call", id: 1, name: "add", kwargs: { a: 1, b: 2 } });
    expect(peer.frames).toHaveLength(1);
    peer.send({ kind: "result", id: call.id, value: 3 });
    expect(await sum).toBe(3);
    expect(client.status.state).toBe("connected");
    const next = client.add(3, 4);
    expect(await peer.next("call")).toEqual({ kind: "call", id: 1, name: "add", args: [3, 4] });
    peer.send({ kind: "result", id: 1, value: 7 });
    expect(await next).toBe(7);
    client.close();
  });

  it("leaves with the others of its tick as one frame", async () => {
    const { client } = clientOf(server);
    const first = client.add(0, 0);
    const peer = await server.peer();
    peer.send({ kind: "result", id: (await peer.next("call")).id, value: 0 });
    await first;
    const sums = Promise.all([client.add(1, 1), client.add(2, 2), client.teams.rename(3, "x")]);
    await peer.next("call");
    expect(peer.frames.at(-1)?.map((message) => message.kind)).toEqual(["call", "call", "call"]);
    peer.send(
      ...peer
        .all("call")
        .slice(1)
        .map((call) => ({ kind: "result", id: call.id, value: call.name }) as const),
    );
    expect(await sums).toEqual(["add", "add", "teams.rename"]);
    client.close();
  });

  it("takes its arguments when it is made", async () => {
    const { client } = clientOf(server);
    const value = { list: [1] };
    const early = client.echo(value);
    value.list.push(2);
    const peer = await server.peer();
    const call = await peer.next("call");
    expect(call.kwargs).toEqual({ value: { list: [1] } });
    peer.send({ kind: "result", id: call.id, value: null });
    expect(await early).toBeNull();
    const late = client.echo(value);
    value.list.push(3);
    expect((await peer.next("call")).args).toEqual([{ list: [1, 2] }]);
    client.close();
    await Promise.allSettled([late]);
  });

  it("cuts args at the first absent argument and sends the rest by name", async () => {
    const { client } = clientOf(server);
    await connect(client);
    const pending = [
      client.optional(1, undefined, 3),
      client.start_job("j", { dry_run: true }),
      client.optional(),
    ];
    const peer = await server.peer();
    expect(await peer.next("call")).toMatchObject({ args: [1], kwargs: { c: 3 } });
    expect(await peer.next("call")).toMatchObject({ args: ["j"], kwargs: { dry_run: true } });
    expect(await peer.next("call")).toEqual({ kind: "call", id: 3, name: "optional" });
    client.close();
    await Promise.allSettled(pending);
  });

  it("sends every argument by name to a server of another contract", async () => {
    server.onMessage = (peer, message) => {
      if (message.kind === "hello") peer.welcome({ same: false, calls: "v2" });
    };
    const { client } = clientOf(server);
    const sum = client.add(1, 2);
    const peer = await server.peer();
    const call = await peer.next("call");
    expect(call).toEqual({ kind: "call", id: 1, name: "add", kwargs: { a: 1, b: 2 } });
    peer.send({ kind: "result", id: call.id, value: 3 });
    expect(await sum).toBe(3);
    client.close();
  });

  it("rejects with the server's error", async () => {
    const { client } = clientOf(server);
    const sum = client.add(1, 2);
    const peer = await server.peer();
    const { id } = await peer.next("call");
    peer.send({
      kind: "error",
      id,
      status: 402,
      code: "BUDGET_SPENT",
      detail: "no money",
      data: { left: 0 },
      error_id: "e1",
    });
    const error = await sum.catch((error: unknown) => error);
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({
      code: "BUDGET_SPENT",
      status: 402,
      message: "no money",
      data: { left: 0 },
      id: "e1",
      maybeExecuted: false,
    });
    client.close();
  });

  it("that cannot be encoded rejects with the path and disturbs nobody", async () => {
    const { client } = clientOf(server);
    const bad = client.echo({ list: [1, new Map()] });
    const good = client.add(1, 2);
    await expect(bad).rejects.toThrow(new TypeError("cannot send a Map (at value.list[1])"));
    const peer = await server.peer();
    peer.send({ kind: "result", id: (await peer.next("call")).id, value: 3 });
    expect(await good).toBe(3);
    expect(peer.all("call")).toHaveLength(1);
    client.close();
  });

  it("beyond the frame bound fails alone, with TOO_LARGE; the message bound is the server's to know", async () => {
    server.onMessage = (peer, message) => {
      if (message.kind === "hello") peer.welcome({ limits: { max_frame_bytes: 100_000 } });
      if (message.kind !== "call") return;
      const error = {
        kind: "error",
        id: message.id,
        status: 413,
        code: "TOO_LARGE",
        detail: "too large",
      } as const;
      peer.send(message.name === "echo" ? error : { kind: "result", id: message.id, value: 3 });
    };
    const { client } = clientOf(server);
    const calls = [client.echo("x".repeat(110_000)), client.echo("x".repeat(70_000)), client.add(1, 2)];
    await expect(calls[0]).rejects.toMatchObject({ code: "TOO_LARGE", maybeExecuted: false });
    await expect(calls[1]).rejects.toMatchObject({ code: "TOO_LARGE", detail: "too large" });
    expect(await calls[2]).toBe(3);
    await expect(client.echo("x".repeat(110_000))).rejects.toMatchObject({ code: "TOO_LARGE" });
    expect(await client.add(1, 2)).toBe(3);
    expect(server.peers).toHaveLength(1);
    expect(server.peers[0]?.all("call")).toHaveLength(3);
    client.close();
  });

  it("can be cancelled, and a ping answered, whatever frame the server says that it reads", async () => {
    server.onMessage = (peer, message) => {
      if (message.kind === "hello") peer.welcome({ limits: { max_frame_bytes: 1 } });
    };
    const { client, errors } = clientOf(server);
    const controller = new AbortController();
    const sum = client.with({ signal: controller.signal }).add(1, 2);
    const peer = await server.peer();
    await peer.next("call");
    await until(() => client.status.state === "connected");
    controller.abort("mine");
    await expect(sum).rejects.toBe("mine");
    peer.send({ kind: "ping" });
    await Promise.all([peer.next("cancel"), peer.next("pong")]);
    await expect(client.echo("x".repeat(64))).rejects.toMatchObject({ code: "TOO_LARGE" });
    expect(errors).toEqual([]);
    client.close();
  });

  it("with an answer that cannot be read fails alone", async () => {
    const { client } = clientOf(server);
    const [big, fine] = [client.add(1, 2), client.add(3, 4)];
    const peer = await server.peer();
    const [first, second] = [await peer.next("call"), await peer.next("call")];
    peer.send(
      { kind: "result", id: first.id, value: BEYOND_NUMBERS },
      { kind: "result", id: second.id, value: 7 },
    );
    await expect(big).rejects.toBeInstanceOf(RangeError);
    expect(await fine).toBe(7);
    client.close();
  });
});

describe("many calls", () => {
  it("queue beyond max_calls and all settle", async () => {
    let most = 0;
    const open = new Set<number>();
    server.onMessage = (peer, message) => {
      if (message.kind === "hello") peer.welcome();
      if (message.kind !== "call") return;
      open.add(message.id);
      most = Math.max(most, open.size);
      setImmediate(() => {
        open.delete(message.id);
        peer.send({ kind: "result", id: message.id, value: message.kwargs?.value });
      });
    };
    const { client } = clientOf(server);
    const values = Array.from({ length: 1_000 }, (_, index) => index);
    expect(await Promise.all(values.map((value) => client.echo(value)))).toEqual(values);
    expect(most).toBe(64);
    client.close();
  });

  it("are split into frames of at most max_frame_bytes", async () => {
    server.onMessage = (peer, message) => {
      if (message.kind === "hello") peer.welcome({ limits: { max_frame_bytes: 1_000 } });
      if (message.kind === "call") peer.send({ kind: "result", id: message.id, value: null });
    };
    const { client } = clientOf(server);
    await connect(client);
    await Promise.all(Array.from({ length: 20 }, () => client.echo("x".repeat(300))));
    const peer = await server.peer();
    const calls = peer.frames.filter((frame) => frame[0]?.kind === "call");
    expect(calls.every((frame) => frame.length <= 3)).toBe(true);
    expect(calls.some((frame) => frame.length === 3)).toBe(true);
    client.close();
  });

  it("beyond 10,000 waiting fail with TOO_MANY_CALLS", async () => {
    const { client } = clientOf(server);
    const calls = Array.from({ length: 10_001 }, () => client.add(1, 2));
    await expect(calls.at(-1)).rejects.toMatchObject({ code: "TOO_MANY_CALLS", maybeExecuted: false });
    client.close();
    const settled = await Promise.allSettled(calls);
    expect(settled.every((call) => call.status === "rejected")).toBe(true);
  });
});

it("a getter of an argument may call in the middle of its own call", async () => {
  server.onMessage = (peer, message) => {
    if (message.kind === "hello") peer.welcome();
    if (message.kind === "call")
      peer.send({ kind: "result", id: message.id, value: message.args?.[0] ?? message.kwargs });
  };
  const { client } = clientOf(server);
  await connect(client);
  let inner: Promise<unknown> | undefined;
  const value = {
    get x() {
      inner = client.echo("inner");
      return 1;
    },
  };
  expect(await client.echo(value)).toEqual({ x: 1 });
  expect(await inner).toEqual({ value: "inner" });
  client.close();
});

it("close() settles everything and is final", async () => {
  const { client, clock } = clientOf(server);
  const sum = client.add(1, 2);
  const peer = await server.peer();
  await peer.next("call");
  const next = client.once("Tick");
  client.close();
  await expect(sum).rejects.toMatchObject({ code: "CONNECTION_LOST", maybeExecuted: true });
  await expect(next).rejects.toMatchObject({ code: "CONNECTION_LOST" });
  await expect(client.add(1, 2)).rejects.toMatchObject({ code: "CONNECTION_LOST", maybeExecuted: false });
  await peer.closed;
  expect(client.status.code).toBe("closed");
  await until(() => clock.pending.length === 0);
});
