/** The deepest nesting accepted from the server; results may nest deeper than arguments (32). */
export const MAX_INBOUND_DEPTH = 128;
/** Longer texts are left to TextDecoder; keys and short words are ASCII, and it costs more than they do. */
const SHORT_TEXT = 24;

/** Bytes that are not the msgpack this protocol speaks. */
export class DecodeError extends Error {
  /** `TRUNCATED` when more bytes could complete the value, else PROTOCOL §5's `MALFORMED` or `TOO_LARGE`. */
  declare readonly code: "MALFORMED" | "TOO_LARGE" | "TRUNCATED";

  constructor(code: DecodeError["code"], message: string) {
    super(message);
    Object.assign(this, { name: "DecodeError", code });
  }
}

// `ignoreBOM` keeps a leading U+FEFF, which is part of the text here.
const utf8 = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
let bytes = new Uint8Array(0);
/** Where the next value begins. */
export let at = 0;
let maxDepth = MAX_INBOUND_DEPTH;
/**
 * The first thing wrong with what was read, as far as lengths are known: then the walk goes on, to what follows. A
 * DecodeError, or a RangeError for what JavaScript cannot hold.
 */
export let fault: Error | undefined;
/** The encoded size of the third element of a message: of an item, that is what credit counts. */
export let thirdBytes = 0;

/** Says what is read next: `source` from `start`. What was wrong before is forgotten. */
export function seek(source: Uint8Array, start: number, depth = MAX_INBOUND_DEPTH): void {
  bytes = source as Uint8Array<ArrayBuffer>;
  at = start;
  maxDepth = depth;
  fault = undefined;
  thirdBytes = 0;
}

/**
 * @param depth of the value; -1 is a message, whose elements are at depth 0
 * @throws DecodeError for bytes that are cut short, that are not msgpack, or that nest deeper than can be walked
 */
export function readValue(depth = 0): unknown {
  const tag = uint(1);
  if (tag < 0x80) return tag;
  if (tag < 0x90) return map(tag & 15, depth);
  if (tag < 0xa0) return array(tag & 15, depth);
  if (tag < 0xc0) return text(tag & 31);
  if (tag === 0xc0) return null;
  if (tag === 0xc1) throw new DecodeError("MALFORMED", "0xc1");
  if (tag < 0xc4) return tag === 0xc3;
  if (tag < 0xc7) return bytes.slice(move(uint(1 << (tag - 0xc4))), at);
  if (tag < 0xca) return extension(uint(1 << (tag - 0xc7)));
  if (tag < 0xd4) return number(tag);
  if (tag < 0xd9) return extension(1 << (tag - 0xd4));
  if (tag < 0xdc) return text(uint(1 << (tag - 0xd9)));
  if (tag < 0xde) return array(uint(tag === 0xdc ? 2 : 4), depth);
  if (tag < 0xe0) return map(uint(tag === 0xde ? 2 : 4), depth);
  return tag - 0x100;
}

function number(tag: number): number {
  if (tag < 0xcc) {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return tag === 0xca ? view.getFloat32(move(4)) : view.getFloat64(move(8));
  }
  const value = uint(1 << (tag & 3), tag > 0xcf);
  if (!Number.isSafeInteger(value)) fault ??= new RangeError(`${value} is beyond 2^53-1`);
  return value;
}

function array(length: number, depth: number): unknown[] {
  enter(depth);
  const items: unknown[] = [];
  while (items.length < length) {
    const start = at;
    items.push(readValue(depth + 1));
    if (depth < 0 && items.length === 3) thirdBytes = at - start;
  }
  return items;
}

function map(length: number, depth: number): Record<string, unknown> {
  enter(depth);
  let result: Record<string, unknown> = {};
  for (; length > 0; length--) {
    const key = readValue(depth + 1);
    const value = readValue(depth + 1);
    if (typeof key !== "string" && typeof key !== "number") malformed("map key");
    // Assignment to this one key would change the object's prototype instead.
    else if (key === "__proto__") result = { ...result, [key]: value };
    else result[key] = value;
  }
  return result;
}

/** The walk goes on to what follows, unless the stack ends before. */
function enter(depth: number): void {
  if (depth >= maxDepth) fault ??= new DecodeError("TOO_LARGE", `nested deeper than ${maxDepth}`);
}

function text(length: number, as: (text: string) => string | bigint = String): string | bigint {
  let start = move(length);
  let text = "";
  if (length < SHORT_TEXT)
    while (start < at && (bytes[start] as number) < 0x80)
      text += String.fromCharCode(bytes[start++] as number);
  try {
    return as(start < at ? text + utf8.decode(bytes.subarray(start, at)) : text);
  } catch {
    malformed("text");
    return "";
  }
}

function extension(length: number): unknown {
  const type = uint(1);
  if (type === 1) return text(length, BigInt);
  if (type !== 0xff || ![4, 8, 12].includes(length)) {
    malformed(`extension ${type}`);
    return move(length);
  }
  // 32 and 64 bits, or 30 bits of nanoseconds before 34 of seconds, or seconds alone.
  const isLong = length > 8;
  const first = length > 4 ? uint(4) : 0;
  const nanos = isLong ? first : first >>> 2;
  const seconds = isLong ? uint(8, true) : (first & 3) * 2 ** 32 + uint(4);
  const date = new Date(seconds * 1000 + Math.floor(nanos / 1_000_000));
  if (nanos > 999_999_999) malformed("nanoseconds");
  if (Number.isNaN(date.getTime())) fault ??= new RangeError("a time beyond Date");
  return date;
}

function malformed(message: string): void {
  fault ??= new DecodeError("MALFORMED", message);
}

/** An integer. Beyond 2^53 it is not exact, but stays beyond. */
function uint(size: number, signed = false): number {
  let next = move(size);
  let value = signed && (bytes[next] as number) > 127 ? -1 : 0;
  while (next < at) value = value * 256 + (bytes[next++] as number);
  return value;
}

/** Steps over that many bytes, and says where they begin. */
function move(length: number): number {
  const start = at;
  at += length;
  if (at > bytes.length) truncated();
  return start;
}

function truncated(): never {
  throw new DecodeError("TRUNCATED", "cut short");
}

/**
 * Decodes exactly one msgpack value.
 *
 * @throws DecodeError for bytes that are truncated, invalid, followed by more, or nested deeper than `maxDepth`
 * @throws RangeError for an integer beyond 2^53−1 or a time that a Date cannot hold
 */
export function decode(source: Uint8Array, depth = MAX_INBOUND_DEPTH): unknown {
  seek(source, 0, depth);
  const value = readValue();
  if (at < bytes.length) malformed("bytes follow");
  if (fault !== undefined) throw fault;
  return value;
}
