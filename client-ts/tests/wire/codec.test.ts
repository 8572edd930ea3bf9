import { describe, expect, it } from "vitest";
import { DecodeError, decode, encode } from "../../src/wire/codec.js";
import { fromHex, isBeyondNumbers, readVectors, toHex, untag } from "../support/tagged.js";

const vectors = readVectors("codec.json");

function failure(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return expect.unreachable("nothing was thrown");
}

describe("the shared vectors", () => {
  const values = vectors.filter((vector) => vector.error === undefined);
  const readable = values.filter((vector) => !isBeyondNumbers(vector.value));

  it("are there", () => expect(vectors.length).toBeGreaterThan(40));

  it.each(readable)("decode $name", ({ hex, value }) => {
    expect(decode(fromHex(hex))).toStrictEqual(untag(value));
  });

  it.each(readable.filter((vector) => !vector.decode_only))("encode $name", ({ hex, value }) => {
    expect(toHex(encode(untag(value)))).toBe(hex);
  });

  it.each(values.filter((vector) => !readable.includes(vector)))("refuse $name", ({ hex }) => {
    expect(() => decode(fromHex(hex))).toThrow(RangeError);
  });

  it.each(vectors.filter((vector) => vector.error !== undefined))("refuse $name", ({ hex, error }) => {
    const thrown = failure(() => decode(fromHex(hex)));
    expect(thrown).toBeInstanceOf(DecodeError);
    const code = thrown instanceof DecodeError && thrown.code;
    expect(code === "TRUNCATED" ? "MALFORMED" : code).toBe(error);
  });
});

describe("encoding", () => {
  class Point {
    x = 1;
  }
  const refused: [string, unknown, string][] = [
    ["Map", { a: { b: [0, new Map()] } }, "cannot send a Map (at a.b[1])"],
    ["Set", [new Set()], "cannot send a Set (at [0])"],
    ["URL", { to: new URL("http://x") }, "cannot send a URL (at to)"],
    ["function", { f: () => 1 }, "cannot send function (at f)"],
    ["symbol", [[Symbol("s")]], "cannot send symbol (at [0][0])"],
    ["class instance", { p: new Point() }, "cannot send a Point (at p)"],
    ["boxed string", { s: Object("x") }, "cannot send a String (at s)"],
    ["other typed array", { t: new Float64Array(1) }, "cannot send a Float64Array (at t)"],
    ["undefined in an array", { l: [1, undefined] }, "cannot send undefined (at l[1])"],
    ["object of an inner prototype", Object.create({ a: 1 }), "cannot send a Object"],
  ];
  it.each(refused)("refuses a %s and says where it is", (_, value, message) => {
    expect(failure(() => encode(value))).toStrictEqual(new TypeError(message));
  });

  it("names the root", () => {
    expect(() => encode({ a: new Set() }, "options")).toThrow("cannot send a Set (at options.a)");
  });

  it("refuses an invalid date and a cycle", () => {
    expect(() => encode({ at: new Date(Number.NaN) })).toThrow("cannot send an invalid Date (at at)");
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => encode(cycle)).toThrow("nested deeper than 32");
  });

  it("takes 32 levels and not one more", () => {
    const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
    expect(decode(encode(nested(32)))).toStrictEqual(nested(32));
    expect(() => encode(nested(33))).toThrow(RangeError);
  });

  it("leaves undefined keys out, at every size", () => {
    const many = Object.fromEntries(
      Array.from({ length: 20 }, (_, i) => [`k${i}`, i % 2 === 0 ? undefined : i]),
    );
    expect(Object.keys(decode(encode(many)) as object)).toHaveLength(10);
    expect(toHex(encode({ a: undefined }))).toBe("80");
  });

  it("gives every bigint back, and no number for it", () => {
    for (const value of [0n, 5n, -1n, -33n, 2n ** 53n, -(2n ** 63n), 10n ** 400n, -(10n ** 70_000n)])
      expect(decode(encode({ a: [value] }))).toStrictEqual({ a: [value] });
  });

  it("refuses half a surrogate pair, and says where it is", () => {
    for (const half of ["\ud83d", "a\udc00", `${"ü".repeat(500)}\ud800x`])
      expect(failure(() => encode({ a: [half] }))).toStrictEqual(
        new TypeError("cannot send half a surrogate pair (at a[0])"),
      );
    expect(() => encode({ "\ud800": 1 })).toThrow(TypeError);
    expect(decode(encode("\ud83d\ude80"))).toBe("\ud83d\ude80");
  });

  it("takes objects without a prototype, frozen ones, Buffers and branded strings", () => {
    const bare: Record<string, unknown> = Object.create(null);
    bare.a = 1;
    expect(decode(encode([bare, Object.freeze({ b: 2 }), Buffer.from("x")]))).toStrictEqual([
      { a: 1 },
      { b: 2 },
      new Uint8Array([120]),
    ]);
  });

  it("survives a getter that encodes in the middle, and an error before", () => {
    expect(() => encode([1, new Map()])).toThrow();
    const value = {
      a: 1,
      get b() {
        return encode([1, 2, 3]).length;
      },
      c: 3,
    };
    expect(decode(encode(value))).toStrictEqual({ a: 1, b: 4, c: 3 });
  });

  it("writes every type right where the buffer grows", () => {
    const values = [
      1.5,
      300,
      -(2 ** 40),
      2 ** 40,
      new Date(5),
      new Date(-5),
      new Date(7_258_118_400_000),
      "text",
      null,
    ];
    for (let pad = 480; pad < 530; pad++) {
      for (const value of values) {
        // A buffer that grew this large is not kept, so that every round begins with a first one.
        const bytes = encode([new Uint8Array(pad), value, new Uint8Array(66_000)]);
        expect(Reflect.get(decode(bytes) as object, 1)).toStrictEqual(value);
      }
    }
  });

  it("grows beyond any first buffer, and does not share its bytes", () => {
    const large = {
      text: "ü".repeat(100_000),
      bytes: new Uint8Array(70_000).fill(7),
      list: Array(70_000).fill(1),
    };
    expect(decode(encode(large))).toStrictEqual(large);
    const first = encode([1, 2, 3]);
    encode([9, 9, 9]);
    expect(toHex(first)).toBe("93010203");
  });
});

describe("decoding", () => {
  it("keeps __proto__ as an ordinary key", () => {
    const value = decode(fromHex("81a95f5f70726f746f5f5f81a8706f6c6c75746564c3")) as Record<string, unknown>;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value)).toStrictEqual(["__proto__"]);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });

  it("refuses a length beyond the end before it builds anything", () => {
    for (const hex of ["dd7fffffff", "df7fffffff", "c67fffffff", "db7fffffff"]) {
      expect(failure(() => decode(fromHex(hex)))).toMatchObject({ code: "TRUNCATED" });
    }
  });

  it("takes 128 levels and not one more", () => {
    expect(() => decode(fromHex(`${"91".repeat(128)}01`))).not.toThrow();
    expect(failure(() => decode(fromHex(`${"91".repeat(129)}01`)))).toMatchObject({ code: "TOO_LARGE" });
  });

  it("reads every cut of a value as truncated", () => {
    const bytes = encode({
      a: [1, "text", 1.5, new Date(), new Uint8Array(3)],
      b: "x".repeat(300),
      c: 70_000,
    });
    for (let length = 0; length < bytes.length; length++) {
      expect(failure(() => decode(bytes.subarray(0, length)))).toMatchObject({ code: "TRUNCATED" });
    }
  });

  it("never throws anything unnamed, whatever the bytes", () => {
    let seed = 1;
    const next = (): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed;
    };
    for (let round = 0; round < 20_000; round++) {
      const bytes = Uint8Array.from({ length: next() % 24 }, () => next() % 256);
      try {
        decode(bytes);
      } catch (error) {
        expect(error instanceof DecodeError || error instanceof RangeError, String(error)).toBe(true);
      }
    }
  });

  it("copies bytes out of the frame", () => {
    const frame = fromHex("c4020102");
    const value = decode(frame);
    frame.fill(0);
    expect(value).toStrictEqual(new Uint8Array([1, 2]));
  });
});
