import { fill, isPlain, type Sheet, writeByte, writeNamed } from "./encode.js";
import { ITEM, RESULT } from "./kinds.js";

export * from "./kinds.js";

/** A message as it is on the wire: its kind, then the fields of that kind's row in PROTOCOL §1. */
export type Message = readonly unknown[];

/** `error`, as it was read. */
export type ErrorMessage = readonly [
  kind: number,
  id: number | null,
  status: number,
  code: string,
  detail: unknown,
  data?: unknown,
  errorId?: string | null,
];

/** The limits in force on a connection, told in welcome (PROTOCOL §2). Milliseconds, bytes and counts, as named. */
export interface Limits {
  readonly heartbeat_ms: number;
  readonly max_frame_bytes: number;
  readonly max_calls: number;
  readonly max_streams: number;
  readonly stream_items: number;
  readonly stream_bytes: number;
  /** How long the identity holds; absent where it does for ever. */
  readonly expires_ms?: number;
}

/**
 * PROTOCOL §1's table: how the elements of each kind begin, by their types. A type is a letter: `i`d, other `n`umber that
 * counts, `s`tring, `b`oolean, `a`rray, `l`imits or another `m`ap, `0` for nil, `-` for nothing; kinds from 10 are `:`,
 * `;`, `<`, `=`, `>`, `?`, `@` and `A`. What may be left out may be nil, too.
 */
const SHAPES =
  /^(1[s0-]{2}[in0-][lm0-]{2}|2sbl[s0-]|3is[a0-][lm0-][in0-]|[45]i[^-]|[68]i|7[i0][in]s[^-].[s0-]|9i[in]{2}|:s[^-][s0-]{3}|;i[lm0-]|[<=]|>[in]|\?s[s0-][b0-]|[@A]is)/;

function typeOf(value: unknown, minId: number): string {
  if (value === undefined) return "-";
  if (value === null) return "0";
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value) || value < 0) return "x";
    return value >= minId && value < 2 ** 32 ? "i" : "n";
  }
  if (Array.isArray(value)) return "a";
  if (isPlain(value)) return Object.values(value).every(Number.isSafeInteger) ? "l" : "m";
  return (typeof value)[0] as string;
}

/**
 * Whether these array elements are a message. Elements behind the last known field are ignored: they are how the
 * protocol grows.
 *
 * @param minId 1 on a connection; over HTTP the messages of a stream carry id 0 (PROTOCOL §8)
 */
export function isMessage(elements: Message, minId: number): boolean {
  const [kind] = elements;
  // Nearly all that arrives is one of these two, and values may be large.
  if ((kind === RESULT || kind === ITEM) && elements.length > 2) return typeOf(elements[1], minId) === "i";
  if (typeof kind !== "number") return false;
  const types = [1, 2, 3, 4, 5, 6].map((index) => typeOf(elements[index], minId));
  return SHAPES.test(String.fromCharCode(48 + kind) + types.join(""));
}

/** The id among the elements of a message that is wrong otherwise, so that its failure stays with that call. */
export function usableId([kind, id]: Message, minId: number): number | null {
  return /^([3-9]|1[167])i$/.test((kind as string) + typeOf(id, minId)) ? (id as number) : null;
}

/** Writes a message; `elements` writes what it consists of, fewer than 16, and says how many they are. */
export function writeMessage(sheet: Sheet, elements: () => number): void {
  const { at } = sheet;
  fill(sheet, () => {
    writeByte(0);
    const count = elements();
    // Only now: the buffer may be another one.
    sheet.bytes[at] = 0x90 + count;
  });
}

/** The elements of a message; those at the end that are undefined are left out, the others become nil. */
export function elementsOf(...fields: unknown[]): () => number {
  return () => {
    while (fields.at(-1) === undefined) fields.pop();
    for (const field of fields) writeNamed(field ?? null, "");
    return fields.length;
  };
}
