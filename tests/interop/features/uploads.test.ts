import { createHash, randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { Server } from "../server";
import { type Client, connect } from "./fuse";
import { noted, thrown } from "./support";

/** The windows of PROTOCOL §4, as `Bounds` has them by default. */
const STREAM_ITEMS = 64;
const STREAM_BYTES = 256 * 1024;

let server: Server;
let client: Client;
/** The bytes of each WebSocket message that the client has sent. */
let sent: number[];

class CountedWebSocket extends WebSocket {
  override send(data: Uint8Array): void {
    sent.push(data.byteLength);
    super.send(data);
  }
}

beforeAll(async () => {
  server = await Server.start("tests.interop.features.main:app");
});
beforeEach(() => {
  sent = [];
  client = connect({ url: server.origin, WebSocket: CountedWebSocket });
});
afterEach(() => client.close());
afterAll(() => server.stop());

/** Items `0, 1, 2, …` that tell how many were asked for, and when their clean-up has run. */
function endless<Item>(make: (n: number) => Item) {
  const source = { pulled: 0, cleanedUp: Promise.resolve(), items: generate() };
  let clean: () => void;
  source.cleanedUp = new Promise((resolve) => {
    clean = resolve;
  });
  async function* generate(): AsyncGenerator<Item> {
    try {
      for (;;) yield make(source.pulled++);
    } finally {
      clean();
    }
  }
  return source;
}

/** What the client does by itself has happened when so many answers have come back. */
async function roundTrips(times = 20): Promise<void> {
  for (let n = 0; n < times; n++) await client.add(n);
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

function readable<Item>(...items: Item[]): ReadableStream<Item> {
  return new ReadableStream({
    start(controller) {
      for (const item of items) controller.enqueue(item);
      controller.close();
    },
  });
}

async function* generated<Item>(...items: Item[]): AsyncGenerator<Item> {
  yield* items;
}

test.each([
  ["an async generator", () => generated(1, 20, 300)],
  ["an array", () => [1, 20, 300]],
  ["a set", () => new Set([1, 20, 300])],
  ["a ReadableStream", () => readable(1, 20, 300)],
])("%s", async (_, source) => {
  expect(await client.total(source())).toBe(321);
  // The second call knows that the contract is the same, and gives its arguments by position.
  expect(await client.total(source())).toBe(321);
});

test("nothing at all", async () => {
  expect(await client.total([])).toBe(0);
  expect(await collect(client.upper(generated<string>()))).toEqual([]);
});

test("many more items than the window", async () => {
  const many = Array.from({ length: 20 * STREAM_ITEMS }, (_, n) => n);
  expect(await client.total(many)).toBe(many.reduce((a, b) => a + b));
  expect(await client.total(readable(...many))).toBe(many.reduce((a, b) => a + b));
});

test("models, by keyword: defaults are filled in where Python reads them", async () => {
  const items = [{ name: "a" }, { name: "b", n: 5 }];
  const [one, five] = [
    { name: "x-a", n: 1 },
    { name: "x-b", n: 5 },
  ];
  expect(await client.rows("x-", { items })).toEqual([one, five]);
  expect(await client.rows(undefined, { items: generated({ name: "x-a" }) })).toEqual([one]);
});

test("the body of a response, chunk by chunk", async () => {
  const file = randomBytes(3 * STREAM_BYTES);
  const { body } = new Response(file);
  if (body === null) throw new Error("no body");
  expect(await client.digest(body)).toBe(createHash("sha256").update(file).digest("hex"));
});

test("both ways at once: each line is answered before the next is there", async () => {
  let answered = (_: string): void => undefined;
  const heard: string[] = [];
  async function* lines(): AsyncGenerator<string> {
    for (const line of ["a", "b", "c"]) {
      const answer = new Promise<string>((resolve) => {
        answered = resolve;
      });
      yield line;
      heard.push(`${line} ${await answer}`);
    }
  }
  for await (const line of client.upper(lines())) answered(line);
  expect(heard).toEqual(["a A", "b B", "c C"]);
});

test("Python that stops reading holds the source at its window of items", async () => {
  const source = endless(() => "");
  const read = 40;
  const length = client.lengths("items", source.items, { pause_after: read });
  const lost = thrown(length);
  await noted(client, "items", "paused");
  // Half a window was taken and granted again; what is read beyond it is granted with the next half.
  const most = STREAM_ITEMS + STREAM_ITEMS / 2;
  await vi.waitFor(() => expect(source.pulled).toBe(most));
  await roundTrips();
  expect(source.pulled).toBe(most);
  await client.release("items");
  await vi.waitFor(() => expect(source.pulled).toBeGreaterThan(10 * STREAM_ITEMS));
  client.close();
  expect((await lost).code).toBe("CONNECTION_LOST");
  await source.cleanedUp;
});

test("Python that stops reading holds the source at its window of bytes", async () => {
  const size = 50_000;
  // The last item may overdraw the window; an item of this size costs three bytes more than its text.
  const most = Math.ceil(STREAM_BYTES / (size + 3));
  const source = endless(() => "x".repeat(size));
  const length = client.lengths("bytes", source.items, { pause_after: 1 });
  const lost = thrown(length);
  await noted(client, "bytes", "paused");
  await vi.waitFor(() => expect(source.pulled).toBe(most));
  await roundTrips();
  expect(source.pulled).toBe(most);
  client.close();
  expect((await lost).code).toBe("CONNECTION_LOST");
  await source.cleanedUp;
});

test("after a pause the rest is read, to the last item", async () => {
  const all = Array.from({ length: 500 }, () => "xy");
  const length = client.lengths("rest", generated(...all), { pause_after: 100 });
  await noted(client, "rest", "paused");
  await client.release("rest");
  expect(await length).toBe(1_000);
});

test("a reader that stops reading the answers holds the source, too", async () => {
  const source = endless(String);
  const reader = client.upper(source.items)[Symbol.asyncIterator]();
  expect(await reader.next()).toEqual({ done: false, value: "0" });
  // Python reads until its own items have used their window up, and has granted all that it read.
  const most = 2 * STREAM_ITEMS;
  await vi.waitFor(() => expect(source.pulled).toBe(most));
  await roundTrips();
  expect(source.pulled).toBe(most);
  await reader.return?.();
  await source.cleanedUp;
});

test("a call that settles early stops the source", async () => {
  const source = endless((n) => n);
  expect(await client.first(source.items, 3)).toEqual([0, 1, 2]);
  await source.cleanedUp;
  const { pulled } = source;
  await roundTrips();
  expect(source.pulled).toBe(pulled);
});

test("a call that settles early cancels a ReadableStream", async () => {
  let cancel: () => void;
  const cancelled = new Promise<void>((resolve) => {
    cancel = resolve;
  });
  const stream = new ReadableStream<number>({
    pull: (controller) => controller.enqueue(7),
    cancel: () => cancel(),
  });
  expect(await client.first(stream, 2)).toEqual([7, 7]);
  await cancelled;
});

test("a source that throws rejects the call with its error, and cancels in Python", async () => {
  const failed = new Error("the disk is gone");
  async function* source(): AsyncGenerator<number> {
    yield 1;
    await noted(client, "throws", "read 1");
    throw failed;
  }
  await expect(client.watched("throws", source())).rejects.toBe(failed);
  expect(await noted(client, "throws", "finally")).toEqual(["read 1", "cancelled", "finally"]);
});

test("a signal stops both sides", async () => {
  const controller = new AbortController();
  const source = endless((n) => n);
  const watching = client.with({ signal: controller.signal }).watched("signal", source.items);
  const outcome = expect(watching).rejects.toThrow(/abort/i);
  await noted(client, "signal", "read 0");
  controller.abort();
  await outcome;
  await source.cleanedUp;
  expect((await noted(client, "signal", "finally")).slice(-2)).toEqual(["cancelled", "finally"]);
});

test("an item of the wrong type is refused where Python reads it", async () => {
  const items: unknown[] = [1, 2, "three", 4];
  const error = await thrown(client.watched("typed", items as number[]));
  expect([error.code, error.status, error.detail]).toEqual([
    "INVALID_ARGUMENT",
    422,
    [{ type: "int_parsing", loc: ["upload", "items", "2"], msg: expect.any(String) }],
  ]);
  const notes = await noted(client, "typed", "finally");
  expect(notes).toEqual(["read 1", "read 2", "INVALID_ARGUMENT", "finally"]);
});

test("an upload has no HTTP form", async () => {
  const url = `${server.origin}/api/total`;
  expect((await fetch(url, { method: "POST", body: "[1]" })).status).toBe(404);
  vi.stubGlobal("WebSocket", undefined);
  const overHttp = connect({ url: server.origin });
  vi.unstubAllGlobals();
  await expect(overHttp.total([1])).rejects.toThrow("total has no HTTP form");
  overHttp.close();
});

test("an image of a mebibyte costs at most 64 bytes more on the wire", async () => {
  const image = randomBytes(2 ** 20);
  await client.add(1);
  sent = [];
  expect(await client.save_image(image)).toBe(createHash("sha256").update(image).digest("hex"));
  // A client's frame of this size has 14 bytes of WebSocket header: RFC 6455 §5.2.
  expect(sent).toHaveLength(1);
  const overhead = (sent[0] ?? 0) + 14 - image.length;
  expect(overhead).toBeGreaterThan(14);
  expect(overhead).toBeLessThanOrEqual(64);
});

test("more than a procedure's own bound is refused, and nothing else", async () => {
  const tooLarge = [client.save_icon(randomBytes(2 ** 20)), client.save_image(randomBytes(2_000_000))];
  for (const call of tooLarge) {
    const { code, status } = await thrown(call);
    expect([code, status]).toEqual(["TOO_LARGE", 413]);
  }
  expect(await client.save_icon(randomBytes(1_000_000))).toBe(1_000_000);
});
