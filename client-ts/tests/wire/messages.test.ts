import { describe, expect, it } from "vitest";
import { encode } from "../../src/wire/codec.js";
import { decodeFrame, MessageReader } from "../../src/wire/frame.js";
import { encodeMessage, type Message } from "../../src/wire/messages.js";
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
    expect(new Set(messages.map((vector) => vector.message?.kind)).size).toBe(14);
  });

  it.each(messages)("decode $name", ({ hex, message }) => {
    expect(decodeFrame(fromHex(hex), BOUND)).toMatchObject([{ ok: true }]);
    const [received] = decodeFrame(fromHex(hex), BOUND);
    expect(received?.ok && received.message).toStrictEqual(untag(message));
    expect(received?.ok && Object.isFrozen(received.message)).toBe(true);
  });

  it.each(messages.filter((vector) => !vector.decode_only))("encode $name", ({ hex, message }) => {
    expect(toHex(encodeMessage(untag(message) as Message))).toBe(hex);
  });

  it.each(vectors.filter((vector) => vector.error !== undefined))("refuse $name", ({ hex, error, id }) => {
    expect(decodeFrame(fromHex(hex), BOUND)).toMatchObject([{ ok: false, code: error, id }]);
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
    const result = (value: unknown): Uint8Array => encode([4, 1, value]);
    const frame = join(
      result(2n ** 60n),
      fromHex("94040102c0"),
      fromHex(`930401${"91".repeat(200)}c0`),
      ping,
    );
    const received = decodeFrame(frame);
    expect(received).toMatchObject([
      { ok: false, id: 1, code: "MALFORMED" },
      { ok: true, message: { kind: "result", id: 1, value: 2 } },
      { ok: false, id: 1, code: "TOO_LARGE" },
      { ok: true, message: { kind: "ping" } },
    ]);
    expect(received[0]).toHaveProperty("error", expect.any(RangeError));
  });

  it("loses its rest with bytes that are not msgpack", () => {
    expect(decodeFrame(join(ping, fromHex("c1"), ping))).toMatchObject([
      { ok: true },
      { ok: false, id: null, code: "MALFORMED" },
    ]);
    expect(decodeFrame(join(ping, fromHex("9204")))).toMatchObject([{ ok: true }, { ok: false, id: null }]);
    expect(decodeFrame(new Uint8Array())).toMatchObject([{ ok: false, id: null, code: "MALFORMED" }]);
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
  it("reads the same wherever the bytes are cut", () => {
    const frame = join(...messages.map((vector) => fromHex(vector.hex)));
    const expected = decodeFrame(frame, BOUND);
    for (const size of [1, 2, 3, 7, 64]) {
      const reader = new MessageReader(BOUND);
      const received = [];
      for (let at = 0; at < frame.length; at += size)
        received.push(...reader.push(frame.subarray(at, at + size)));
      expect(received).toStrictEqual(expected);
      expect(reader.pending).toBe(false);
    }
  });

  it("takes id 0 where HTTP uses it", () => {
    const item = encode([5, 0, "x"]);
    expect(new MessageReader({ minId: 0 }).push(item)).toMatchObject([{ ok: true }]);
    expect(new MessageReader().push(item)).toMatchObject([{ ok: false }]);
  });

  it("stops for good at bytes that are not msgpack", () => {
    const reader = new MessageReader();
    expect(reader.push(fromHex("c1"))).toHaveLength(1);
    expect(reader.push(ping)).toHaveLength(0);
  });
});
