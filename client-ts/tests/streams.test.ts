import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clientOf, type TestClient } from "./support/client.js";
import { BEYOND_NUMBERS } from "./support/messages.js";
import { type Peer, ScriptedServer } from "./support/server.js";

let server: ScriptedServer;
let client: TestClient;
beforeEach(async () => {
  server = await ScriptedServer.start();
  client = clientOf(server).client;
});
afterEach(async () => {
  client.close();
  await server.stop();
});

const items = (id: number, ...values: unknown[]) =>
  values.map((value) => ({ kind: "item", id, value }) as const);

describe("a stream", () => {
  it("leaves in the tick of the call and delivers falsy items too", async () => {
    const stream = client.numbers();
    const { peer, id } = await server.called();
    expect(peer.all("call")[0]).toEqual({ kind: "call", id, name: "numbers" });
    peer.send(...items(id, 0, "", null, false, Number.NaN), { kind: "end", id });
    const read = [];
    for await (const item of stream) read.push(item);
    expect(read).toEqual([0, "", null, false, Number.NaN]);
  });

  it.each(["awaited", "returned from an async function"])("can be %s", async (how) => {
    const call = client.chat("hi");
    const stream = how === "awaited" ? await call : await (async () => call)();
    expect("then" in stream).toBe(false);
    const { peer, id } = await server.called();
    peer.send(...items(id, "a", "b"), { kind: "end", id });
    const read = [];
    for await (const item of stream) read.push(item);
    expect(read).toEqual(["a", "b"]);
  });

  it("has one reader", async () => {
    const stream = client.chat("hi");
    const { peer, id } = await server.called();
    peer.send(...items(id, "a", "b"), { kind: "end", id });
    expect(await stream.next()).toEqual({ done: false, value: "a" });
    for await (const item of stream) expect(item).toBe("b");
    expect(() => stream[Symbol.asyncIterator]()).toThrow(TypeError);
    expect(() => stream[Symbol.asyncIterator]()).toThrow("can be read once");
  });

  it("answers parallel next() calls in order", async () => {
    const stream = client.numbers();
    const asked = [stream.next(), stream.next(), stream.next(), stream.next()];
    const { peer, id } = await server.called();
    peer.send(...items(id, 1, 2), { kind: "end", id });
    expect(await Promise.all(asked)).toEqual([
      { done: false, value: 1 },
      { done: false, value: 2 },
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
  });

  it.each(["break", "return", "close"])("sends cancel on %s", async (how) => {
    const stream = client.numbers();
    const { peer, id } = await server.called();
    peer.send(...items(id, 1, 2, 3));
    if (how === "break") {
      for await (const item of stream) {
        expect(item).toBe(1);
        break;
      }
    } else if (how === "return") await stream.return();
    else stream.close();
    expect(await peer.next("cancel")).toEqual({ kind: "cancel", id });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it("that was left before it was sent is not sent at all", async () => {
    client.chat("unsent").close();
    const sum = client.add(1, 2);
    const peer = await server.peer();
    const call = await peer.next("call");
    expect(call.name).toBe("add");
    peer.send({ kind: "result", id: call.id, value: 3 });
    await sum;
    expect(peer.all("call")).toHaveLength(1);
    expect(peer.all("cancel")).toHaveLength(0);
  });

  it("throws an error of its middle from next(), behind the items, once", async () => {
    const stream = client.numbers();
    const { peer, id } = await server.called();
    peer.send(...items(id, 1, 2), { kind: "error", id, status: 500, code: "INTERNAL", detail: "broken" });
    const read: unknown[] = [];
    const reading = (async () => {
      for await (const item of stream) read.push(item);
    })();
    await expect(reading).rejects.toMatchObject({ code: "INTERNAL", message: "broken" });
    expect(read).toEqual([1, 2]);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(peer.all("cancel")).toHaveLength(0);
  });

  it("throws the reason of an abort at once, and cancels", async () => {
    const controller = new AbortController();
    const stream = client.with({ signal: controller.signal }).numbers();
    const { peer, id } = await server.called();
    peer.send(...items(id, 1, 2, 3));
    expect(await stream.next()).toEqual({ done: false, value: 1 });
    controller.abort();
    await expect(stream.next()).rejects.toMatchObject({ name: "AbortError" });
    expect(await peer.next("cancel")).toEqual({ kind: "cancel", id });
  });

  it("has no deadline unless one is asked for", async () => {
    const asked = client.with({ timeout: 700 }).numbers();
    const free = client.numbers();
    const peer = await server.peer();
    expect((await peer.next("call")).timeout_ms).toBe(700);
    expect((await peer.next("call")).timeout_ms).toBeUndefined();
    asked.close();
    free.close();
  });

  it("that nobody reads makes no unhandled rejection", async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", note);
    void client.echo(new Map()).catch(() => undefined);
    const streams = [client.numbers(), client.chat("hi"), client.chat(Symbol() as unknown as string)];
    const peer = await server.peer();
    await peer.next("call");
    peer.socket.terminate();
    await peer.closed;
    client.close();
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
    await expect(streams[0]?.next()).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    await expect(streams[2]?.next()).rejects.toThrow(new TypeError("cannot send symbol (at prompt)"));
  });

  it("whose item cannot be read fails, and is cancelled on the server", async () => {
    const stream = client.numbers();
    const { peer, id } = await server.called();
    peer.send(...items(id, 1, BEYOND_NUMBERS, 3));
    expect(await stream.next()).toEqual({ done: false, value: 1 });
    await expect(stream.next()).rejects.toBeInstanceOf(RangeError);
    expect(await peer.next("cancel")).toEqual({ kind: "cancel", id });
  });
});

describe("credit", () => {
  it("is granted when half of the items were read", async () => {
    const stream = client.numbers();
    const { peer, id } = await server.called();
    peer.send(...items(id, 1, 2, 3, 4, 5, 6, 7, 8));
    for (let read = 0; read < 3; read++) await stream.next();
    expect(peer.all("credit")).toHaveLength(0);
    await stream.next();
    expect(await peer.next("credit")).toEqual({ kind: "credit", id, items: 4, bytes: 4 });
    stream.close();
  });

  it("is granted when half of the bytes were read", async () => {
    const stream = client.numbers();
    const { peer, id } = await server.called();
    const text = "x".repeat(40_000);
    peer.send(...items(id, text));
    await stream.next();
    expect(await peer.next("credit")).toEqual({ kind: "credit", id, items: 1, bytes: 40_003 });
    stream.close();
  });

  it("keeps a long stream flowing, and the server never overdraws", async () => {
    const total = 1_000;
    let credit = 8;
    let sent = 0;
    const pump = (peer: Peer, id: number): void => {
      while (credit > 0 && sent < total) {
        credit--;
        peer.send(...items(id, sent++));
      }
      if (sent === total && credit >= 0) {
        sent++;
        peer.send({ kind: "end", id });
      }
    };
    server.onMessage = (peer, message) => {
      if (message.kind === "hello") peer.welcome();
      if (message.kind === "call") pump(peer, message.id);
      if (message.kind === "credit") {
        credit += message.items;
        pump(peer, message.id);
      }
    };
    let count = 0;
    for await (const item of client.numbers()) expect(item).toBe(count++);
    expect(count).toBe(total);
  });

  it("is not granted for a stream that nobody reads", async () => {
    const stream = client.numbers();
    const { peer, id } = await server.called();
    peer.send(...items(id, 1, 2, 3, 4, 5, 6, 7, 8), { kind: "ping" });
    await peer.next("pong");
    expect(peer.all("credit")).toHaveLength(0);
    stream.close();
  });
});
