import { describe, expect, it } from "vitest";
import { encode } from "../../src/wire/codec.js";
import { readMessages } from "../../src/wire/frame.js";
import { decodeFrame, encodeMessage, type Message } from "../support/messages.js";
import { fromHex, readVectors, toHex, untag } from "../support/tagged.js";

const vectors = readVectors("messages.json");
const messages = vectors.filter((vector) => vector.message !== undefined);
/** The server's bound, which the vectors are about. */
const BOUND = { maxDepth: 32 };

const join = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const ping = encodeMessage({ kind: "ping" });

describe("the shared vectors", () => {
  it("are there, every kind among them", () => {
    expect(vectors.length).toBeGreaterThan(50);
    expect(new Set(messages.map((vector) => vector.message?.kind)).size).toBe(17);
  });

  it.each(messages)("decode $name", ({ hex, message }) => {
    expect(decodeFrame(fromHex(hex), BOUND)).toMatchObject([{ ok: true }]);
    const [received] = decodeFrame(fromHex(hex), BOUND);
    expect(received?.ok && received.message).toStrictEqual(untag(message));
  });

  it.each(messages.filter((vector) => !vector.decode_only))("encode $name", ({ hex, message }) => {
    expect(toHex(encodeMessage(untag(message) as Message))).toBe(hex);
  });

  it.each(vectors.filter((vector) => vector.error !== undefined))("refuse $name", ({ hex, error, id }) => {
    const [received, ...rest] = decodeFrame(fromHex(hex), BOUND);
    expect(received).toMatchObject({ ok: false, id });
    const code = received?.ok === false && Reflect.get(received.error, "code");
    expect(code === "TRUNCATED" ? "MALFORMED" : code).toBe(error);
    expect(rest).toEqual([]);
  });
});

describe("a frame", () => {
  it("carries messages back to back", () => {
    const frame = join(...messages.map((vector) => fromHex(vector.hex)));
    const received = decodeFrame(frame, BOUND);
    expect(received.map((each) => each.ok && each.message)).toStrictEqual(
      messages.map((each) => untag(each.message)),
    );
  });

  it("goes on behind a message that cannot be read", () => {
    const frame = join(
      fromHex("930401cf1000000000000000"),
      fromHex("94040102c0"),
      fromHex(`930401${"91".repeat(200)}c0`),
      ping,
    );
    const received = decodeFrame(frame);
    expect(received).toMatchObject([
      { ok: false, id: 1, error: expect.any(RangeError) },
      { ok: true, message: { kind: "result", id: 1, value: 2 } },
      { ok: false, id: 1, error: { code: "TOO_LARGE" } },
      { ok: true, message: { kind: "ping" } },
    ]);
  });

  it("loses its rest with bytes that are not msgpack", () => {
    expect(decodeFrame(join(ping, fromHex("c1"), ping))).toMatchObject([
      { ok: true },
      { ok: false, id: null, error: { code: "MALFORMED" } },
    ]);
    expect(decodeFrame(join(ping, fromHex("9204")))).toMatchObject([{ ok: true }, { ok: false, id: null }]);
    expect(decodeFrame(new Uint8Array())).toMatchObject([
      { ok: false, id: null, error: { code: "MALFORMED" } },
    ]);
  });

  it("tells the encoded size of a value, for credit", () => {
    const [item] = decodeFrame(encodeMessage({ kind: "item", id: 300, value: "hello" }));
    expect(item).toMatchObject({ ok: true, valueBytes: 6 });
    const [future] = decodeFrame(encode([5, 1, "hello", "future"]));
    expect(future).toMatchObject({ ok: true, valueBytes: 6 });
    const [end] = decodeFrame(encodeMessage({ kind: "end", id: 1 }));
    expect(end).toMatchObject({ ok: true, valueBytes: 0 });
  });

  it("of the article's call fits into 34 bytes with the WebSocket's 6-byte header", () => {
    const call = encodeMessage({ kind: "call", id: 1, name: "example", args: ["hi", 220] });
    expect(call.length + 6).toBeLessThanOrEqual(34);
  });
});

describe("a reader of pieces", () => {
  const frame = join(...messages.map((vector) => fromHex(vector.hex)));

  it("reads whole messages, and says where the rest begins", () => {
    const starts = messages.map((_, index) =>
      messages.slice(0, index).reduce((sum, each) => sum + each.hex.length / 2, 0),
    );
    for (let end = 0; end <= frame.length; end++) {
      let count = 0;
      const read = readMessages(frame.subarray(0, end), {
        minId: 1,
        take: () => count++,
        refuse: () => expect.unreachable(),
      });
      expect(read).toBe(starts[count] ?? frame.length);
      expect(end - read).toBeLessThan((messages[count]?.hex.length ?? 0) / 2 || 1);
    }
  });

  it("takes id 0 where HTTP uses it", () => {
    const item = encode([5, 0, "x"]);
    expect(decodeFrame(item, { minId: 0 })).toMatchObject([{ ok: true }]);
    expect(decodeFrame(item)).toMatchObject([{ ok: false }]);
  });
});
