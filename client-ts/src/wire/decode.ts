/** The deepest nesting accepted from the server; results may nest deeper than arguments (32). */
export const MAX_INBOUND_DEPTH = 128;
/** Beyond this the walk over a value that is too deep ends, before the stack does. */
const MAX_WALK_DEPTH = 1_000;
/** Longer texts are left to TextDecoder; keys and short words are ASCII, and it costs more than they do. */
const SHORT_TEXT = 24;

/** Bytes that are not the msgpack this protocol speaks. */
export class DecodeError extends Error {
  /** `TRUNCATED` when more bytes could complete the value, else PROTOCOL §5's `MALFORMED` or `TOO_LARGE`. */
  declare readonly code: "MALFORMED" | "TOO_LARGE" | "TRUNCATED";

  constructor(code: DecodeError["code"], message: string) {
    super(message);
    this.name = "DecodeError";
    this.code = code;
  }
}

// `ignoreBOM` keeps a leading U+FEFF, which is part of the text here.
const utf8 = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const scratch = /* @__PURE__ */ new DataView(/* @__PURE__ */ new ArrayBuffer(8));
let bytes = new Uint8Array(0);
let at = 0;
let maxDepth = MAX_INBOUND_DEPTH;
/** What is wrong with the value being read, if its length is known: then the walk goes on, to what follows it. */
let fault: Error | undefined;

/** Says what is read next: `source` from `start`. What was wrong before is forgotten. */
export function seek(source: Uint8Array, start: number, depth = MAX_INBOUND_DEPTH): void {
  bytes = source as Uint8Array<ArrayBuffer>;
  at = start;
  maxDepth = depth;
  fault = undefined;
}

/** Where the next value begins. */
export function position(): number {
  return at;
}

/** The first thing wrong with what was read: a DecodeError, or a RangeError for what JavaScript cannot hold. */
export function readFault(): Error | undefined {
  return fault;
}

/** @throws DecodeError for bytes that are cut short, that are not msgpack, or that nest deeper than can be walked */
export function readValue(depth = 0): unknown {
  const tag = uint(1);
  if (tag < 0x80) return tag;
  if (tag < 0x90) return map(tag & 15, depth);
  if (tag < 0xa0) return array(tag & 15, depth);
  if (tag < 0xc0) return text(tag & 31);
  if (tag === 0xc0) return null;
  if (tag === 0xc1) throw new DecodeError("MALFORMED", "0xc1 is not msgpack");
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

/** The element count of the array that begins here, or -1 if it is something else. */
export function readArrayHead(): number {
  const tag = uint(1);
  if (tag >= 0x90 && tag < 0xa0) return tag & 15;
  if (tag === 0xdc || tag === 0xdd) return uint(tag === 0xdc ? 2 : 4);
  at--;
  return -1;
}

function number(tag: number): number {
  const size = 1 << (tag & 3);
  if (tag < 0xcc) {
    scratch.setUint32(0, uint(4));
    if (tag === 0xca) return scratch.getFloat32(0);
    scratch.setUint32(4, uint(4));
    return scratch.getFloat64(0);
  }
  if (size === 8) return wide(tag === 0xd3);
  const unused = 32 - 8 * size;
  const value = uint(size);
  return tag < 0xd0 ? value : (value << unused) >> unused;
}

function wide(signed: boolean): number {
  const high = uint(4);
  const value = (signed ? high | 0 : high) * 2 ** 32 + uint(4);
  if (!Number.isSafeInteger(value)) fault ??= new RangeError(`the integer ${value} is beyond 2^53-1`);
  return value;
}

function array(length: number, depth: number): unknown[] {
  enter(length, depth);
  const items: unknown[] = [];
  while (items.length < length) items.push(readValue(depth + 1));
  return items;
}

function map(length: number, depth: number): Record<string, unknown> {
  enter(length * 2, depth);
  const result: Record<string, unknown> = {};
  for (; length > 0; length--) {
    const key = readValue(depth + 1);
    const value = readValue(depth + 1);
    if (typeof key !== "string" && typeof key !== "number") malformed("a map key is no string and no number");
    // Plain assignment of this one key would change the object's prototype instead.
    else if (key === "__proto__") {
      Object.defineProperty(result, key, { value, configurable: true, enumerable: true, writable: true });
    } else result[key] = value;
  }
  return result;
}

/** Every element takes a byte at least: a length beyond the end is refused before anything is built. */
function enter(elements: number, depth: number): void {
  if (depth >= maxDepth) {
    fault ??= new DecodeError("TOO_LARGE", `nested deeper than ${maxDepth}`);
    if (depth >= MAX_WALK_DEPTH) throw fault;
  }
  if (elements > bytes.length - at) truncated();
}

function text(length: number): string {
  let start = move(length);
  let short = "";
  if (length < SHORT_TEXT) {
    while (start < at && (bytes[start] as number) < 0x80)
      short += String.fromCharCode(bytes[start++] as number);
    if (start === at) return short;
  }
  try {
    return short + utf8.decode(bytes.subarray(start, at));
  } catch {
    malformed("a string that is not UTF-8");
    return "";
  }
}

function extension(length: number): Date {
  const type = uint(1);
  const end = move(length) + length;
  at -= length;
  // Seconds alone; 30 bits of nanoseconds before 34 of seconds; or 32 and 64 bits.
  const first = length < 4 || type !== 0xff ? 0 : uint(4);
  let [seconds, nanos] = [first, 0];
  if (type !== 0xff) malformed(`extension type ${type} is not known`);
  else if (length === 8) [seconds, nanos] = [(first & 3) * 2 ** 32 + uint(4), first >>> 2];
  else if (length === 12) [seconds, nanos] = [wide(true), first];
  else if (length !== 4) malformed(`a timestamp of ${length} bytes`);
  at = end;
  const date = new Date(seconds * 1000 + Math.floor(nanos / 1_000_000));
  if (nanos > 999_999_999) malformed("a timestamp with more than a second of nanoseconds");
  if (Number.isNaN(date.getTime())) fault ??= new RangeError("the time is beyond what a Date can hold");
  return date;
}

function malformed(message: string): void {
  fault ??= new DecodeError("MALFORMED", message);
}

function uint(size: number): number {
  let value = 0;
  for (let next = move(size); next < at; next++) value = value * 256 + (bytes[next] as number);
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
  throw new DecodeError("TRUNCATED", "the bytes end inside a value");
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
  if (at < bytes.length) malformed("bytes follow the value");
  if (fault !== undefined) throw fault;
  return value;
}
