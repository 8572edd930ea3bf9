/** The deepest nesting that a value may have on its way to the server (PROTOCOL §5, misuse). */
export const MAX_OUTBOUND_DEPTH = 32;

/** A value that is msgpack already; the encoder copies it as it is. */
export class Raw {
  constructor(readonly bytes: Uint8Array) {}
}

const utf8 = new TextEncoder();

class Encoder {
  private buffer = new Uint8Array(512);
  private view = new DataView(this.buffer.buffer);
  private at = 0;
  private root = "";
  /** The keys from the root to the value being written; read only when something goes wrong. */
  private readonly path: (string | number)[] = [];

  run(value: unknown, root: string): Uint8Array<ArrayBuffer> {
    this.at = 0;
    this.root = root;
    this.write(value, 0);
    return this.buffer.slice(0, this.at);
  }

  private write(value: unknown, depth: number): void {
    if (typeof value === "string") this.text(value);
    else if (typeof value === "number") this.number(value);
    else if (typeof value === "boolean") this.byte(value ? 0xc3 : 0xc2);
    else if (value === null) this.byte(0xc0);
    else if (Array.isArray(value)) this.array(value, depth);
    else if (value instanceof Uint8Array) this.binary(value);
    else if (value instanceof Date) this.timestamp(value, depth);
    else if (value instanceof Raw) this.bytes(value.bytes);
    else if (isPlain(value)) this.map(value, depth);
    else if (typeof value === "bigint") this.bigint(value, depth);
    // Map, Set, URL and the like have no own enumerable keys: a generic walk would send `{}` without a word.
    else throw new TypeError(`cannot send ${describe(value)}${this.where(depth)}`);
  }

  private array(value: readonly unknown[], depth: number): void {
    this.enter(depth);
    this.head(value.length, 0x90, 15, 0xdc);
    for (let i = 0; i < value.length; i++) {
      this.path[depth] = i;
      this.write(value[i], depth + 1);
    }
  }

  private map(value: Readonly<Record<string, unknown>>, depth: number): void {
    this.enter(depth);
    const entries = Object.entries(value).filter((entry) => entry[1] !== undefined);
    this.head(entries.length, 0x80, 15, 0xde);
    for (const [key, item] of entries) {
      this.path[depth] = key;
      this.text(key);
      this.write(item, depth + 1);
    }
  }

  /** A cycle ends here too, with the path that shows it. */
  private enter(depth: number): void {
    if (depth >= MAX_OUTBOUND_DEPTH) {
      throw new RangeError(`nested deeper than ${MAX_OUTBOUND_DEPTH}${this.where(depth)}`);
    }
  }

  private number(value: number): void {
    const tag = value < 0 ? 0xd0 : 0xcc;
    // How many values a type of that many bits holds on this side of zero: half of them when it is signed.
    const size = value < 0 ? -2 * value - 1 : value;
    // -0 is an integer to JavaScript only; as an int it would come back as 0.
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      const at = this.reserve(9);
      this.view.setUint8(at, 0xcb);
      this.view.setFloat64(at + 1, value);
    } else if (value >= -0x20 && value < 0x80) this.byte(value);
    else if (size < 2 ** 8) this.tagged(tag, 1, value);
    else if (size < 2 ** 16) this.tagged(tag + 1, 2, value);
    else if (size < 2 ** 32) this.tagged(tag + 2, 4, value);
    else this.wide(tag + 3, BigInt(value));
  }

  private bigint(value: bigint, depth: number): void {
    if (value >= 2n ** 64n || value < -(2n ** 63n)) {
      throw new RangeError(`${value}n does not fit into 64 bits${this.where(depth)}`);
    }
    const small = Number(value);
    if (Number.isSafeInteger(small)) this.number(small);
    else this.wide(value < 0n ? 0xd3 : 0xcf, value);
  }

  private text(value: string): void {
    const length = value.length;
    const start = this.at;
    // One pass that hopes for ASCII: names and short values are, and TextEncoder costs more than they do.
    if (length <= 40) {
      this.textHead(length);
      const at = this.reserve(length);
      let i = 0;
      while (i < length && value.charCodeAt(i) < 0x80) this.buffer[at + i] = value.charCodeAt(i++);
      if (i === length) return;
    }
    this.at = start;
    const bytes = utf8.encode(value);
    this.textHead(bytes.length);
    this.bytes(bytes);
  }

  private textHead(length: number): void {
    if (length > 31 && length < 0x100) this.tagged(0xd9, 1, length);
    else this.head(length, 0xa0, 31, 0xda);
  }

  private binary(value: Uint8Array): void {
    if (value.length < 0x100) this.tagged(0xc4, 1, value.length);
    else this.head(value.length, 0, -1, 0xc5);
    this.bytes(value);
  }

  private timestamp(value: Date, depth: number): void {
    const ms = value.getTime();
    if (Number.isNaN(ms)) throw new RangeError(`cannot send an invalid Date${this.where(depth)}`);
    const seconds = Math.floor(ms / 1000);
    const nanos = (ms - seconds * 1000) * 1_000_000;
    if (seconds < 0 || seconds >= 2 ** 34) {
      this.tagged(0xc7, 1, 12);
      this.tagged(0xff, 4, nanos);
      const at = this.reserve(8);
      this.view.setBigInt64(at, BigInt(seconds));
    } else if (nanos === 0 && seconds < 2 ** 32) {
      this.byte(0xd6);
      this.tagged(0xff, 4, seconds);
    } else {
      this.byte(0xd7);
      this.tagged(0xff, 4, nanos * 4 + Math.floor(seconds / 2 ** 32));
      const at = this.reserve(4);
      this.view.setInt32(at, seconds);
    }
  }

  /** A length: inside the tag up to `most`, else in 16 bits behind `tag`, else in 32 bits behind `tag + 1`. */
  private head(length: number, fix: number, most: number, tag: number): void {
    if (length <= most) this.byte(fix | length);
    else if (length < 0x10000) this.tagged(tag, 2, length);
    else this.tagged(tag + 1, 4, length);
  }

  private tagged(tag: number, size: 1 | 2 | 4, value: number): void {
    const at = this.reserve(1 + size);
    this.view.setUint8(at, tag);
    if (size === 1) this.view.setInt8(at + 1, value);
    else if (size === 2) this.view.setInt16(at + 1, value);
    else this.view.setInt32(at + 1, value);
  }

  private wide(tag: number, value: bigint): void {
    const at = this.reserve(9);
    this.view.setUint8(at, tag);
    this.view.setBigInt64(at + 1, value);
  }

  private byte(value: number): void {
    const at = this.reserve(1);
    this.buffer[at] = value;
  }

  private bytes(value: Uint8Array): void {
    const at = this.reserve(value.length);
    this.buffer.set(value, at);
  }

  /** Returns where to write; call it before touching `buffer` or `view`, which it may replace. */
  private reserve(size: number): number {
    const at = this.at;
    this.at = at + size;
    if (this.at > this.buffer.length) {
      const grown = new Uint8Array(this.at * 2);
      grown.set(this.buffer.subarray(0, at));
      this.buffer = grown;
      this.view = new DataView(grown.buffer);
    }
    return at;
  }

  private where(depth: number): string {
    let text = this.root;
    for (const key of this.path.slice(0, depth)) {
      if (typeof key === "number") text += `[${key}]`;
      else text += text === "" ? key : `.${key}`;
    }
    return text === "" ? "" : ` (at ${text})`;
  }

  get idleBytes(): number {
    return this.buffer.length;
  }
}

/** Plain in every realm: no prototype, or one that is at the top of its own chain. */
export function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || (Object.getPrototypeOf(prototype) === null && !Array.isArray(value));
}

function describe(value: unknown): string {
  if (typeof value !== "object" || value === null) return typeof value;
  const name: unknown = value.constructor?.name;
  return typeof name === "string" && name !== "" ? `a ${name}` : "an object with a prototype of its own";
}

/** Buffers above this are not kept for the next value, so that one large upload is not held for ever. */
const KEEP_BYTES = 65_536;
let idle: Encoder | undefined;

/**
 * Encodes one value as msgpack. Keys whose value is `undefined` are left out.
 *
 * @param root what error messages call the value itself, for instance an argument's name
 * @throws TypeError for what msgpack cannot carry exactly (`Map`, `Set`, functions, class instances), naming the path
 * @throws RangeError for a bigint beyond 64 bits, an invalid Date, or nesting deeper than 32 (so for cycles as well)
 */
export function encode(value: unknown, root = ""): Uint8Array<ArrayBuffer> {
  // A getter inside the value may call back into `encode`: take the shared encoder out while it is in use.
  const encoder = idle ?? new Encoder();
  idle = undefined;
  const bytes = encoder.run(value, root);
  if (encoder.idleBytes <= KEEP_BYTES) idle = encoder;
  return bytes;
}
