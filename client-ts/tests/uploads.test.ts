import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clientOf, connect, type TestClient, until } from "./support/client.js";
import { ScriptedServer } from "./support/server.js";

let server: ScriptedServer;
let client: TestClient;
let errors: unknown[];
beforeEach(async () => {
  server = await ScriptedServer.start();
  ({ client, errors } = clientOf(server));
});
afterEach(async () => {
  client.close();
  await server.stop();
});

/** A source that tells how often it was asked and whether it was stopped, and may be made to wait. */
class Source implements AsyncIterableIterator<unknown> {
  pulled = 0;
  stopped = 0;
  waits: (() => void) | undefined;

  constructor(
    private readonly total: number,
    private readonly holdAt = Number.POSITIVE_INFINITY,
  ) {}

  async next(): Promise<IteratorResult<unknown>> {
    if (this.pulled === this.holdAt) await new Promise<void>((resolve) => (this.waits = resolve));
    return this.pulled < this.total
      ? { done: false, value: this.pulled++ }
      : { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<unknown>> {
    this.stopped++;
    this.waits?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
};

describe("an upload", () => {
  it.each([
    ["an array", () => ["a", 0, null]],
    ["a set", () => new Set(["a", 0, null])],
    [
      "an async generator",
      async function* () {
        yield* ["a", 0, null];
      },
    ],
    [
      "a ReadableStream",
      () =>
        new ReadableStream({
          start(controller) {
            for (const item of ["a", 0, null]) controller.enqueue(item);
            controller.close();
          },
        }),
    ],
  ])("may come from %s", async (_, source) => {
    const result = client.collect("x", source());
    const { peer, id } = await server.called();
    expect(peer.all("call")).toEqual([{ kind: "call", id, name: "collect", kwargs: { name: "x" } }]);
    await peer.next("end");
    expect(peer.all("item").map((item) => item.value)).toEqual(["a", 0, null]);
    expect(peer.all("end")).toEqual([{ kind: "end", id }]);
    peer.send({ kind: "result", id, value: 3 });
    expect(await result).toBe(3);
    expect(peer.all("cancel")).toEqual([]);
    expect(errors).toEqual([]);
  });

  it("may be a file, whose bytes it reads", async () => {
    const result = client.collect("x", new Blob(["ab", "c"]));
    const { peer, id } = await server.called();
    await peer.next("end");
    const parts = peer.all("item").map(({ value }) => value as Uint8Array);
    expect(Buffer.concat(parts).toString()).toBe("abc");
    peer.send({ kind: "result", id, value: 3 });
    expect(await result).toBe(3);
  });

  it("takes its place as nil, once arguments go by position, and leaves with its call", async () => {
    await connect(client);
    const results = [client.collect("x", [1, 2]), client.pipe([3], { upper: true })];
    const peer = await server.peer();
    const [one, two] = [await peer.next("call"), await peer.next("call")];
    expect(one).toMatchObject({ name: "collect", args: ["x", null] });
    expect(two).toMatchObject({ name: "pipe", args: [null], kwargs: { upper: true } });
    expect(peer.frames.at(-1)?.map(({ kind }) => kind)).toEqual([
      ...["call", "item", "item", "end"],
      ...["call", "item", "end"],
    ]);
    const rejected = expect(results[0]).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    client.close();
    await rejected;
  });

  it("waits for welcome, when its credit is known", async () => {
    let welcome = (): void => undefined;
    server.onMessage = (peer, message) => {
      if (message.kind === "hello") welcome = () => peer.welcome();
    };
    const source = new Source(3);
    const result = client.collect("x", source);
    const peer = await server.peer();
    await peer.next("hello");
    await settled();
    expect([peer.all("call").length, source.pulled]).toEqual([0, 0]);
    welcome();
    await peer.next("end");
    peer.send({ kind: "result", id: (await peer.next("call")).id, value: null });
    await result;
  });

  it("pulls no further than the credit of items reaches", async () => {
    const source = new Source(1_000);
    const result = client.collect("x", source);
    const { peer, id } = await server.called();
    await until(() => peer.all("item").length === 8);
    await settled();
    expect([source.pulled, peer.all("item").length]).toEqual([8, 8]);
    peer.send({ kind: "credit", id, items: 5, bytes: 5 });
    await until(() => peer.all("item").length === 13);
    await settled();
    expect(source.pulled).toBe(13);
    // What would raise the credit above its window is not kept.
    peer.send({ kind: "credit", id, items: 100, bytes: 0 });
    await until(() => peer.all("item").length === 21);
    await settled();
    expect(source.pulled).toBe(21);
    peer.send({ kind: "result", id, value: "enough" });
    expect(await result).toBe("enough");
    expect(source.stopped).toBe(1);
  });

  it("pulls no further than the credit of bytes reaches, whose last item may overdraw it", async () => {
    const item = "x".repeat(40_000);
    const result = client.collect("x", Array(8).fill(item));
    const { peer, id } = await server.called();
    await until(() => peer.all("item").length === 2);
    await settled();
    expect(peer.all("item")).toHaveLength(2);
    // 2 × 40,003 bytes of 65,536 are out: 14,470 bring it to zero, and one more above.
    peer.send({ kind: "credit", id, items: 2, bytes: 14_470 });
    await settled();
    expect(peer.all("item")).toHaveLength(2);
    peer.send({ kind: "credit", id, items: 0, bytes: 1 });
    await until(() => peer.all("item").length === 3);
    peer.send({ kind: "result", id, value: null });
    await result;
  });

  it("whose source fails is cancelled, and the call rejects with that error", async () => {
    const result = client.collect(
      "x",
      (async function* () {
        yield 1;
        throw new Error("disk");
      })(),
    );
    const rejected = expect(result).rejects.toThrow("disk");
    const { peer, id } = await server.called();
    await rejected;
    expect(await peer.next("cancel")).toEqual({ kind: "cancel", id });
    expect(peer.all("end")).toEqual([]);
    peer.send({ kind: "error", id, status: 499, code: "CANCELLED", detail: "" });
    expect(errors).toEqual([]);
  });

  it("of an item that cannot be sent rejects with its path, and stops the source", async () => {
    let cleaned = false;
    function* source() {
      try {
        yield 1;
        yield { a: [new Map()] };
      } finally {
        cleaned = true;
      }
    }
    const result = client.collect("x", source());
    const rejected = expect(result).rejects.toThrow(new TypeError("cannot send a Map (at chunks.a[0])"));
    const { peer, id } = await server.called();
    await rejected;
    expect(await peer.next("cancel")).toEqual({ kind: "cancel", id });
    expect(cleaned).toBe(true);
  });

  it.each(["result", "error", "abort"])("stops its source when the call settles early: %s", async (how) => {
    const source = new Source(100, 3);
    const controller = new AbortController();
    const result = client.with({ signal: controller.signal }).collect("x", source);
    const { peer, id } = await server.called();
    await until(() => source.waits !== undefined);
    if (how === "result") peer.send({ kind: "result", id, value: 1 });
    else if (how === "error") peer.send({ kind: "error", id, status: 400, code: "X", detail: "no" });
    else controller.abort("mine");
    const outcome = await result.catch((error: unknown) => error);
    if (how === "result") expect(outcome).toBe(1);
    else if (how === "error") expect(outcome).toMatchObject({ code: "X" });
    else expect(outcome).toBe("mine");
    await settled();
    expect([source.stopped, source.pulled]).toEqual([1, expect.any(Number)]);
    expect(peer.all("item")).toHaveLength(3);
    expect(peer.all("end")).toEqual([]);
    expect(peer.all("cancel")).toHaveLength(how === "abort" ? 1 : 0);
  });

  it("cancels a ReadableStream while a read is under way", async () => {
    let cancelled = false;
    const source = new ReadableStream({
      cancel: () => {
        cancelled = true;
      },
    });
    const result = client.collect("x", source);
    const { peer, id } = await server.called();
    peer.send({ kind: "result", id, value: 1 });
    expect(await result).toBe(1);
    expect(cancelled).toBe(true);
  });

  it("keeps its result when its source fails as it is stopped", async () => {
    const failing = {
      next: () => new Promise<never>(() => undefined),
      return: () => {
        throw new Error("clean-up");
      },
    };
    const result = client.collect("x", { [Symbol.asyncIterator]: () => failing });
    const { peer, id } = await server.called();
    peer.send({ kind: "result", id, value: 1 });
    expect(await result).toBe(1);
    await settled();
    expect(errors).toEqual([]);
  });

  it("goes with a stream in the other direction, both under way", async () => {
    const stream = client.pipe(new Source(20));
    server.onMessage = () => undefined;
    const peer = await server.peer();
    const echo = (): void => {
      for (const { id, value } of peer.all("item").slice(echoed)) {
        echoed++;
        peer.send({ kind: "item", id, value }, { kind: "credit", id, items: 1, bytes: 1 });
      }
    };
    let echoed = 0;
    peer.welcome();
    const { id } = await peer.next("call");
    const read: unknown[] = [];
    const reading = (async () => {
      for await (const item of stream) read.push(item);
    })();
    while (peer.all("end").length === 0) {
      echo();
      await new Promise((resolve) => setImmediate(resolve));
    }
    echo();
    peer.send({ kind: "end", id });
    await reading;
    expect(read).toEqual(Array.from({ length: 20 }, (_, item) => item));
    expect(peer.all("credit").reduce((sum, credit) => sum + credit.items, 0)).toBeGreaterThanOrEqual(16);
  });

  it("stops when the reader of its stream leaves", async () => {
    const source = new Source(100, 2);
    const stream = client.pipe(source);
    const { peer, id } = await server.called();
    peer.send({ kind: "item", id, value: "a" });
    for await (const item of stream) {
      expect(item).toBe("a");
      break;
    }
    await peer.next("cancel");
    expect(source.stopped).toBe(1);
  });

  it("that was never sent lets its source clean up, too", async () => {
    const source = new Source(3);
    const controller = new AbortController();
    const result = client.with({ signal: controller.signal }).collect("x", source);
    controller.abort("early");
    await expect(result).rejects.toBe("early");
    expect([source.pulled, source.stopped]).toEqual([0, 1]);
  });

  it("of a client that has stopped lets its source clean up, too", async () => {
    server.onMessage = (peer) => peer.socket.close(4501, "unauthenticated");
    const source = new Source(3);
    await expect(client.add(1, 2)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    await expect(client.collect("x", source)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    expect([source.pulled, source.stopped]).toEqual([0, 1]);
  });

  it("of nothing at all is empty; of what is no source, a TypeError", async () => {
    const result = client.collect("x", undefined as unknown as []);
    const { peer, id } = await server.called();
    await peer.next("end");
    expect(peer.all("item")).toEqual([]);
    peer.send({ kind: "result", id, value: 0 });
    expect(await result).toBe(0);
    await expect(client.collect("x", 5 as unknown as [])).rejects.toThrow(TypeError);
  });

  it("needs a WebSocket", async () => {
    const http = clientOf(server, { WebSocket: undefined }).client;
    await expect(http.collect("x", [])).rejects.toThrow(
      new TypeError("collect takes a stream (chunks), which needs a WebSocket"),
    );
  });
});
