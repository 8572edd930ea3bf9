import { expect, it } from "vitest";
import { keyOf } from "../../src/ui/keys.js";

const textOf = (...values: unknown[]): string => JSON.stringify(keyOf(values));

it("different arguments have different keys", () => {
  const different = [
    [1],
    ["1"],
    [1n],
    [true],
    [null],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [undefined, 1],
    [null, 1],
    [new Date(0)],
    [new Date(1)],
    ["1970-01-01T00:00:00.000Z"],
    [new Uint8Array([1])],
    [[1]],
    [{ a: 1 }],
    [{ a: { b: 2n } }],
    [],
  ].map((values) => textOf(...values));
  expect(new Set(different).size).toBe(different.length);
});

it("the same arguments have the same key", () => {
  expect(textOf({ b: 1, a: [2n] })).toBe(textOf({ a: [2n], b: 1, c: undefined }));
  expect(textOf(1, undefined)).toBe(textOf(1));
  expect(textOf(new Uint8Array([1, 2]))).toBe(textOf(new Uint8Array([0, 1, 2]).subarray(1)));
});
