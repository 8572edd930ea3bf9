import { expect, it } from "vitest";
import {
  Decimal,
  Duration,
  matchesError,
  NaiveDatetime,
  PlainDate,
  PlainTime,
  RpcError,
  UUID,
} from "../src/index.js";
import { encode } from "../src/wire/codec.js";

type Row = [name: string, make: (text: string) => string, good: string[], bad: string[]];
const ROWS: Row[] = [
  ["UUID", UUID, ["0b7d1a0e-5f0c-4d5b-9d53-0f7c1b7f6d11"], ["", "0b7d1a0e5f0c4d5b9d530f7c1b7f6d11x", "x"]],
  ["Decimal", Decimal, ["1", "-1.50", ".5", "1e-7", "+3."], ["", "1,5", "NaN1", "0x1", "e5"]],
  ["PlainDate", PlainDate, ["2026-11-30"], ["2026-13-01", "2026-11-31x", "30.11.2026"]],
  [
    "PlainTime",
    PlainTime,
    ["09:30", "09:30:00.123456", "09:30:00Z", "09:30:00+02:00"],
    ["24:00", "9:30", "09:60"],
  ],
  ["Duration", Duration, ["PT1H30M", "P1D", "-P1DT2S", "PT0.5S", "P2W"], ["P", "PT", "1h", "P1H"]],
  ["NaiveDatetime", NaiveDatetime, ["2026-11-30T09:30:00"], ["2026-11-30T09:30:00Z", "2026-11-30"]],
];

it.each(ROWS)("%s takes its own form and no other", (name, make, good, bad) => {
  for (const text of good) expect(make(text)).toBe(text);
  for (const text of bad)
    expect(() => make(text), text).toThrow(new TypeError(`${JSON.stringify(text)} is not a ${name}`));
  expect(encode(make(good[0] ?? ""))).toEqual(encode(good[0]));
});

it("errors say what is most useful", () => {
  const detail = [{ type: "int_parsing", loc: ["body", "a"], msg: "not an int" }];
  expect(new RpcError("INVALID_ARGUMENT", { detail }).message).toBe("INVALID_ARGUMENT: not an int (body.a)");
  expect(new RpcError("X", { detail: "words" }).message).toBe("words");
  expect(new RpcError("X").message).toBe("X");
  expect(matchesError(new RpcError("X"), "X")).toBe(true);
  expect(matchesError(new RpcError("Y"), "X")).toBe(false);
  expect(matchesError(Object.assign(new Error(), { code: "X" }), "X")).toBe(false);
});
