import { fill, isPlain, type Sheet, writeByte, writeNamed } from "./encode.js";

/** The kinds of messages, by their numbers on the wire (PROTOCOL §1). */
export const HELLO = 1;
export const WELCOME = 2;
export const CALL = 3;
export const RESULT = 4;
export const ITEM = 5;
export const END = 6;
export const ERROR = 7;
export const CANCEL = 8;
export const CREDIT = 9;
export const EVENT = 10;
export const REFRESH = 11;
export const PING = 12;
export const PONG = 13;
export const GOAWAY = 14;

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
}

/**
 * PROTOCOL §1's table, a letter for each field: `t`ext, `n`umber of something, `i`d, `b`ool, `l`imits, `a`rray, `m`ap
 * or any `v`alue. What has a capital letter may be left out from the right, or be nil.
 */
const SHAPES = " TTNM tbl itAMN iv iv i IntvVT i inn tv iM _ _ n".split(" ");

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const CHECKS: Readonly<Record<string, (value: unknown) => boolean>> = {
  t: (value) => typeof value === "string",
  n: isCount,
  i: (value) => isCount(value) && (value as number) < 2 ** 32,
  b: (value) => typeof value === "boolean",
  l: (value) => isPlain(value) && Object.values(value).every(Number.isSafeInteger),
  a: Array.isArray,
  m: isPlain,
  v: (value) => value !== undefined,
  _: () => true,
};

function fits(letter: string, value: unknown, minId: number): boolean {
  const kind = letter.toLowerCase();
  if (kind !== letter && (value === undefined || value === null)) return true;
  return CHECKS[kind]?.(value) === true && (kind !== "i" || (value as number) >= minId);
}

/**
 * Whether these array elements are a message. Elements behind the last known field are ignored: they are how the
 * protocol grows.
 *
 * @param minId 1 on a connection; over HTTP the messages of a stream carry id 0 (PROTOCOL §8)
 */
export function isMessage(elements: Message, minId: number): boolean {
  const [kind, id, value] = elements;
  // Nearly all that arrives is one of these two.
  if ((kind === RESULT || kind === ITEM) && value !== undefined) return fits("i", id, minId);
  const shape = SHAPES[kind as number];
  if (!kind || typeof shape !== "string") return false;
  for (let i = 0; i < shape.length; i++) if (!fits(shape[i] as string, elements[i + 1], minId)) return false;
  return true;
}

/** The id among the elements of a message that is wrong otherwise, so that its failure stays with that call. */
export function usableId([kind, id]: Message, minId: number): number | null {
  const first = String(SHAPES[kind as number])[0];
  return (first === "i" || first === "I") && fits("i", id, minId) ? (id as number) : null;
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
