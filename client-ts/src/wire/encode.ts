/** The deepest nesting that a value may have on its way to the server (PROTOCOL §5, misuse). */
export const MAX_OUTBOUND_DEPTH = 32;
/** Longer texts are left to TextEncoder; for names and short values it costs more than it does. */
const SHORT_TEXT = 100;
const FIRST_BYTES = 1_024;
/** A larger buffer is given away with its content, so that one large message is not held for ever. */
const KEEP_BYTES = 65_536;

/** Bytes being written: the first `at` of `bytes`, which is replaced by a larger buffer when it is full. */
export interface Sheet {
  bytes: Uint8Array<ArrayBuffer>;
  at: number;
}

const utf8 = /* @__PURE__ */ new TextEncoder();
const scratch = /* @__PURE__ */ new DataView(/* @__PURE__ */ new ArrayBuffer(8));
/** What is written to at this moment. Undefined between messages: if not, a getter of one of its values runs. */
export let out: Sheet | undefined;
/** What error messages call the value itself, for instance an argument's name. */
let root = "";
/** The keys from the root to the value being written; read only when something goes wrong. */
const path: (string | number)[] = [];

export function newSheet(): Sheet {
  return { bytes: new Uint8Array(FIRST_BYTES), at: 0 };
}

/** What was written; the sheet is empty again. */
export function tearOff(sheet: Sheet): Uint8Array<ArrayBuffer> {
  const { bytes, at } = sheet;
  sheet.at = 0;
  if (at <= KEEP_BYTES) return bytes.slice(0, at);
  sheet.bytes = new Uint8Array(FIRST_BYTES);
  return bytes.subarray(0, at);
}

/** Lets `write` write on that sheet. If it throws, nothing was written. */
export function fill(sheet: Sheet, write: () => void): void {
  const { at } = sheet;
  const outer = out;
  out = sheet;
  try {
    write();
  } catch (error) {
    sheet.at = at;
    throw error;
  } finally {
    out = outer;
  }
}

/**
 * Encodes one value as msgpack. Keys whose value is `undefined` are left out.
 *
 * @param name what error messages call the value itself, for instance an argument's name
 * @throws TypeError for what msgpack cannot carry exactly (`Map`, `Set`, functions, class instances, lone surrogates), naming the path
 * @throws RangeError for an invalid Date, or nesting deeper than 32 (so for cycles as well)
 */
export function encode(value: unknown, name = ""): Uint8Array<ArrayBuffer> {
  return written(() => writeNamed(value, name));
}

/** What `write` writes, on a sheet of its own. */
export function written(write: () => void): Uint8Array<ArrayBuffer> {
  const sheet = newSheet();
  fill(sheet, write);
  return tearOff(sheet);
}

/** Writes a value that error messages call `name`. Like the other `write` functions, only inside `fill`. */
export function writeNamed(value: unknown, name: string): void {
  root = name;
  write(value, 0);
}

function write(value: unknown, depth: number): void {
  if (typeof value === "string") writeText(value, depth);
  else if (typeof value === "number") number(value);
  else if (value === null) writeByte(0xc0);
  else if (typeof value === "boolean") writeByte(value ? 0xc3 : 0xc2);
  else if (Array.isArray(value)) array(value, depth);
  else if (value instanceof Uint8Array) binary(value);
  else if (value instanceof Date) timestamp(value, depth);
  else if (isPlain(value)) map(value, depth);
  else if (typeof value === "bigint") binary(utf8.encode(`${value}`), 0xc7);
  // Map, Set, URL and the like have no own enumerable keys: a generic walk would send `{}` without a word.
  else throw new TypeError(`cannot send ${describe(value)}${where(depth)}`);
}

function array(value: readonly unknown[], depth: number): void {
  enter(depth);
  writeArrayHead(value.length);
  for (let i = 0; i < value.length; i++) {
    path[depth] = i;
    write(value[i], depth + 1);
  }
}

function map(value: Readonly<Record<string, unknown>>, depth: number): void {
  enter(depth);
  const entries = Object.entries(value).filter((entry) => entry[1] !== undefined);
  writeMapHead(entries.length);
  for (const [key, item] of entries) {
    path[depth] = key;
    writeText(key);
    write(item, depth + 1);
  }
}

/** A cycle ends here too, with the path that shows it. */
function enter(depth: number): void {
  if (depth >= MAX_OUTBOUND_DEPTH)
    throw new RangeError(`nested deeper than ${MAX_OUTBOUND_DEPTH}${where(depth)}`);
}

function number(value: number): void {
  // -0 is an integer to JavaScript only; as an int it would come back as 0.
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) writeInteger(value);
  else {
    scratch.setFloat64(0, value);
    writeScratch(0xcb);
  }
}

export function writeInteger(value: number): void {
  if (value >= -0x20 && value < 0x80) writeByte(value);
  else if (value < 0)
    // Half of what a type of that many bits holds is on this side of zero.
    sized(0xd0, 1, value, -2 * value - 1);
  else sized(0xcc, 1, value);
}

function writeScratch(tag: number): void {
  writeByte(tag);
  writeRaw(new Uint8Array(scratch.buffer));
}

export function writeText(value: string, depth = 0): void {
  const sheet = out as Sheet;
  const { at } = sheet;
  const { length } = value;
  // One pass that hopes for ASCII.
  if (length < SHORT_TEXT) {
    textHead(length);
    const { bytes } = reserve(length);
    let to = sheet.at - length;
    let i = 0;
    while (i < length && value.charCodeAt(i) < 0x80) bytes[to++] = value.charCodeAt(i++);
    if (i === length) return;
    sheet.at = at;
  }
  // TextEncoder would put another character in its place.
  if (/\p{Cs}/u.test(value)) throw new TypeError(`cannot send half a surrogate pair${where(depth)}`);
  const encoded = utf8.encode(value);
  textHead(encoded.length);
  writeRaw(encoded);
}

function textHead(length: number): void {
  head(length, 0xa0, 31, 0xd9, 1);
}

/** Bytes; under another tag an extension, of which there is one: the digits of a bigint. */
function binary(value: Uint8Array, tag = 0xc4): void {
  sized(tag, 1, value.length);
  if (tag > 0xc4) writeByte(1);
  writeRaw(value);
}

function timestamp(value: Date, depth: number): void {
  const ms = value.getTime();
  if (Number.isNaN(ms)) throw new RangeError(`cannot send an invalid Date${where(depth)}`);
  const seconds = Math.floor(ms / 1000);
  const nanos = (ms - seconds * 1000) * 1_000_000;
  // Nanoseconds and seconds apart; 30 bits of the ones before 34 of the others; or seconds alone.
  if (seconds < 0 || seconds >= 2 ** 34) {
    integer(0xc70cff, 3);
    integer(nanos, 4);
    integer(seconds, 8);
  } else if (nanos || seconds >= 2 ** 32) {
    integer(0xd7ff, 2);
    integer(nanos * 4 + Math.floor(seconds / 2 ** 32), 4);
    integer(seconds, 4);
  } else {
    integer(0xd6ff, 2);
    integer(seconds, 4);
  }
}

export function writeArrayHead(length: number): void {
  head(length, 0x90, 15, 0xdc, 2);
}

export function writeMapHead(length: number): void {
  head(length, 0x80, 15, 0xde, 2);
}

/** A length: inside the tag `fix` up to `most`, else behind `tag` in `size` bytes or more. */
function head(length: number, fix: number, most: number, tag: number, size: number): void {
  if (length <= most) writeByte(fix + length);
  else sized(tag, size, length);
}

/** An integer in the first size that holds `magnitude`; each has twice the bytes, and the next tag. */
function sized(tag: number, size: number, value: number, magnitude = value): void {
  if (magnitude >= 256 ** size) sized(tag + 1, size * 2, value, magnitude);
  else {
    writeByte(tag);
    integer(value, size);
  }
}

/** The low `size` bytes of an integer of either sign, the highest first. */
function integer(value: number, size: number): void {
  while (size-- > 0) writeByte(Math.floor(value / 256 ** size));
}

/** Writes the lowest 8 bits. */
export function writeByte(value: number): void {
  const sheet = reserve(1);
  sheet.bytes[sheet.at - 1] = value;
}

/** Writes what is msgpack already. */
export function writeRaw(value: Uint8Array): void {
  const sheet = reserve(value.length);
  sheet.bytes.set(value, sheet.at - value.length);
}

/** Makes room; what goes there ends at `at`. */
function reserve(size: number): Sheet {
  const sheet = out as Sheet;
  const { bytes, at } = sheet;
  sheet.at += size;
  if (sheet.at > bytes.length) {
    sheet.bytes = new Uint8Array(sheet.at * 2);
    sheet.bytes.set(bytes.subarray(0, at));
  }
  return sheet;
}

function where(depth: number): string {
  const text = path.slice(0, depth).reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? key : `${text}.${key}`;
  }, root);
  return text && ` (at ${text})`;
}

/** Plain in every realm: no prototype, or one that is at the top of its own chain. */
export function isPlain(value: unknown): value is Record<string, unknown> {
  if (!value || typeof value !== "object") return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || (Object.getPrototypeOf(prototype) === null && !Array.isArray(value));
}

function describe(value: unknown): string {
  return typeof value === "object" ? `a ${value?.constructor?.name}` : typeof value;
}
