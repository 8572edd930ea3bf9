import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { type CallInfo, createClient, type FuseClient, type Stream, upkeep, uploads } from "../src/index.js";
import { encode } from "../src/wire/codec.js";
import { FakeClock } from "./support/clock.js";
import { decodeFrame, encodeMessage } from "./support/messages.js";
import { fakeSockets, settled } from "./support/socket.js";
import { FedSource } from "./support/source.js";
import { fromHex } from "./support/tagged.js";

const join = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** Any value that a server can say, in bytes; some cannot be read by JavaScript. */
const value = fc
  .oneof(
    fc.jsonValue({ maxDepth: 3 }).map((json) => encode(json)),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => encode(bytes)),
    fc.constantFrom(
      "cf8000000000000000",
      "d30000000000000000",
      "d7ffffffffffffffffff",
      "c70cff00000000ffffffffffffffff",
    ),
    fc.constantFrom("d40700", "8190c0", "a1ff", "ca7fc00000", "c0", "c2", `${"91".repeat(200)}c0`),
  )
  .map((made) => (typeof made === "string" ? fromHex(made) : made));

const small = fc.integer({ min: 0, max: 6 }).map((number) => encode(number));
const text = fc
  .constantFrom("TOO_MANY_CALLS", "UNAVAILABLE", "CANCELLED", "X", "Tick", "")
  .map((word) => encode(word));
const limits = fc
  .dictionary(
    fc.constantFrom(
      "heartbeat_ms",
      "max_frame_bytes",
      "max_calls",
      "max_streams",
      "stream_items",
      "stream_bytes",
    ),
    fc.oneof(
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 100, max: 100_000 }),
      fc.constant(2 ** 53 - 1),
    ),
  )
  .map((map) => encode(map));
const field = fc.oneof({ weight: 3, arbitrary: small }, text, limits, value);

/** A well-formed array that is a message, or nearly one. */
const messageLike = fc.oneof(
  fc.tuple(fc.constantFrom(4, 5, 6, 7, 9, 14), fc.array(field, { maxLength: 6 })),
  fc.tuple(fc.integer({ min: 0, max: 20 }), fc.array(field, { maxLength: 6 })),
  fc.tuple(fc.constant(7), fc.tuple(small, small, text, value)),
  fc.tuple(
    fc.constant(2),
    fc.tuple(
      text,
      fc.boolean().map((same) => encode(same)),
      limits,
    ),
  ),
);
const said = messageLike.map(([kind, fields]) =>
  join([Uint8Array.of(0x91 + fields.length, kind), ...fields]),
);

describe("reading frames", () => {
  it("never throws, whatever the bytes", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc.array(said, { maxLength: 4 }).map(join),
      fc
        .tuple(
          fc.array(said, { minLength: 1, maxLength: 4 }).map(join),
          fc.nat(),
          fc.integer({ min: 0, max: 255 }),
        )
        .map(([frame, at, byte]) => frame.map((old, index) => (index === at % frame.length ? byte : old))),
    );
    fc.assert(
      fc.property(bytes, (frame) => {
        for (const received of decodeFrame(frame)) {
          if (received.ok) continue;
          expect(["DecodeError", "RangeError"]).toContain(received.error.name);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  it("loses no neighbour of a message that cannot be read", () => {
    const ping = encodeMessage({ kind: "ping" });
    const result = encodeMessage({ kind: "result", id: 9, value: { fine: [1] } });
    fc.assert(
      fc.property(said, (bad) => {
        const received = decodeFrame(join([ping, bad, result]));
        expect(received).toHaveLength(3);
        expect(received[0]).toMatchObject({ ok: true, message: { kind: "ping" } });
        expect(received[2]).toMatchObject({
          ok: true,
          message: { kind: "result", id: 9, value: { fine: [1] } },
        });
      }),
      { numRuns: 3_000 },
    );
  });
});

type Step =
  | readonly ["call" | "stream" | "upload" | "read" | "abort" | "feed" | "reauthenticate" | "on" | "close"]
  | readonly ["pass", ms: number]
  | readonly ["open", socket: number]
  | readonly ["says", socket: number, messages: readonly Uint8Array[]]
  | readonly ["closes", socket: number, code: number];

const socket = fc.integer({ min: 0, max: 2 });
const welcome = encodeMessage({ kind: "welcome", session: "s", same: true, limits: {} });
const greets = fc.tuple(fc.constant("says" as const), fc.constant(0), fc.constant([welcome]));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom<Step>(
      ...(["call", "stream", "upload", "read", "abort", "feed", "on", "reauthenticate"] as const).map(
        (name) => [name] as const,
      ),
    ),
  },
  { weight: 3, arbitrary: fc.tuple(fc.constant("open" as const), fc.constant(0)) },
  { weight: 3, arbitrary: greets },
  {
    weight: 8,
    arbitrary: fc.tuple(fc.constant("says" as const), socket, fc.array(said, { minLength: 1, maxLength: 4 })),
  },
  fc.tuple(
    fc.constant("closes" as const),
    socket,
    fc.constantFrom(1000, 1006, 1011, 4000, 4001, 4004, 4100, 4500, 4501, 4999, 3000),
  ),
  fc.tuple(fc.constant("pass" as const), fc.constantFrom(1, 500, 8_000, 40_000)),
);

interface Procedures {
  add(a: unknown): Promise<unknown>;
  numbers(): Stream<unknown>;
  total(items: AsyncIterable<unknown>): Promise<unknown>;
}

/** A client and the world around it, in which everything is said by the steps. */
class World {
  readonly clock = new FakeClock();
  readonly fake = fakeSockets();
  readonly reports: CallInfo[] = [];
  readonly results: Promise<unknown>[] = [];
  readonly streams: Stream<unknown>[] = [];
  readonly sources: FedSource[] = [];
  readonly aborts: AbortController[] = [];
  outcomes = 0;
  token = 0;
  readonly client: FuseClient<Procedures, { Tick: unknown }> = createClient(
    {
      calls: "hash",
      ws: "/",
      api: "",
      http: () => expect.unreachable(),
      upkeep,
      uploads,
      procedures: {
        add: { args: ["a"] },
        numbers: { args: [], stream: true },
        total: { args: ["items"], upload: "items" },
      },
    },
    {
      url: "ws://test",
      WebSocket: this.fake.WebSocket,
      environment: this.clock,
      // A new identity each time, or none.
      auth: () => (this.token++ % 3 ? { token: `${this.token}` } : null),
      onCall: (info) => this.reports.push(info),
      onError: () => undefined,
    },
  );

  async does([name, first, second]: Step): Promise<void> {
    const controller = new AbortController();
    const { client } = this;
    const made = client.with({ signal: controller.signal });
    const socket = this.fake.sockets.at(-1 - (first as number));
    switch (name) {
      case "call":
        this.aborts.push(controller);
        return this.follow(made.add({ list: [1, "x"] }));
      case "stream":
        this.aborts.push(controller);
        return void this.streams.push(made.numbers());
      case "upload":
        this.aborts.push(controller);
        this.sources.push(new FedSource());
        return this.follow(made.total(this.sources.at(-1) as FedSource));
      case "read":
        return void this.streams
          .at(-1)
          ?.next()
          .catch(() => undefined);
      case "abort":
        return this.aborts.pop()?.abort("aborted");
      case "feed":
        return this.sources.at(-1)?.item([1]);
      case "on":
        return void client.on("Tick", () => undefined);
      case "reauthenticate":
        return void client.reauthenticate().catch(() => undefined);
      case "pass":
        return this.clock.advance(first as number);
      case "open":
        return socket?.opened();
      case "says":
        return socket?.receives(...(second as Uint8Array[]));
      case "closes":
        return socket?.closes(second as number);
    }
  }

  private follow(result: Promise<unknown>): void {
    const count = (): void => {
      this.outcomes++;
    };
    this.results.push(result.then(count, count));
  }
}

describe("a client of a hostile server", () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  afterEach(() => {
    process.off("unhandledRejection", note);
  });

  it("throws nothing, settles every call once, and leaves nothing behind", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const world = new World();
        for (const each of steps) {
          await world.does(each);
          await settled();
          expect(world.reports.length).toBeLessThanOrEqual(world.results.length + world.streams.length);
        }
        world.client.close();
        await Promise.all(world.results);
        await settled();
        expect(world.outcomes).toBe(world.results.length);
        expect(world.reports).toHaveLength(world.results.length + world.streams.length);
        for (const source of world.sources) expect(source.stopped).toBe(true);
        for (const socket of world.fake.sockets) expect(socket.closedWith).toBeDefined();
        expect(world.clock.pending).toEqual([]);
        for (const stream of world.streams) {
          // What came before is still there for its reader; then it ends, well or with its one error.
          for (let left = 300; left > 0; left--) {
            const next = await stream.next().catch(() => ({ done: true }));
            if (next.done) break;
            expect(left).toBeGreaterThan(1);
          }
          expect(await stream.next()).toEqual({ done: true, value: undefined });
        }
      }),
      { numRuns: 1_500 },
    );
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  });
});
