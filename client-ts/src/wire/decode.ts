/** The deepest nesting accepted from the server; results may nest deeper than arguments (32). */
export const MAX_INBOUND_DEPTH = 128;
/** Beyond this the walk over a value that is too deep ends, before the stack does. */
const MAX_WALK_DEPTH = 1_000;

/** Bytes that are not the msgpack this protocol speaks. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";

  /** @param code `TRUNCATED` when more bytes could complete the value, else PROTOCOL §5's `MALFORMED` or `TOO_LARGE` */
  constructor(
    readonly code: "MALFORMED" | "TOO_LARGE" | "TRUNCATED",
    message: string,
  ) {
    super(message);
  }
}

// `ignoreBOM` keeps a leading U+FEFF, which is part of the text here.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads msgpack values one after another. What is wrong with a value whose length is known is noted in `fault`, and the
 * walk goes on, so that whatever follows the value can still be read; only bytes that cannot be walked throw.
 */
export class Decoder {
  /** The first thing wrong with what was read: a DecodeError, or a RangeError for what JavaScript cannot hold. */
  fault: Error | undefined;
  private readonly view: DataView;

  constructor(
    private readonly bytes: Uint8Array,
    /** Where the next value begins, in bytes. */
    public at = 0,
    private readonly maxDepth = MAX_INBOUND_DEPTH,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.at >= this.bytes.length;
  }

  /** @throws DecodeError for bytes that are cut short, that are not msgpack, or that nest deeper than can be walked */
  value(depth = 0): unknown {
    const tag = this.uint(1);
    if (tag < 0x80) return tag;
    if (tag < 0x90) return this.map(tag & 15, depth);
    if (tag < 0xa0) return this.array(tag & 15, depth);
    if (tag < 0xc0) return this.text(tag & 31);
    if (tag === 0xc0) return null;
    if (tag === 0xc1) throw new DecodeError("MALFORMED", "0xc1 is not msgpack");
    if (tag < 0xc4) return tag === 0xc3;
    if (tag < 0xc7) return this.take(this.uint(1 << (tag - 0xc4))).slice();
    if (tag < 0xca) return this.extension(this.uint(1 << (tag - 0xc7)));
    if (tag < 0xd4) return this.number(tag);
    if (tag < 0xd9) return this.extension(1 << (tag - 0xd4));
    if (tag < 0xdc) return this.text(this.uint(1 << (tag - 0xd9)));
    if (tag < 0xde) return this.array(this.uint(tag === 0xdc ? 2 : 4), depth);
    if (tag < 0xe0) return this.map(this.uint(tag === 0xde ? 2 : 4), depth);
    return tag - 0x100;
  }

  /** The element count of the array that begins here, or -1 if it is something else. */
  arrayLength(): number {
    const tag = this.uint(1);
    if (tag >= 0x90 && tag < 0xa0) return tag & 15;
    if (tag === 0xdc || tag === 0xdd) return this.uint(tag === 0xdc ? 2 : 4);
    this.at -= 1;
    return -1;
  }

  private number(tag: number): number {
    if (tag === 0xca) return this.view.getFloat32(this.move(4));
    if (tag === 0xcb) return this.view.getFloat64(this.move(8));
    if (tag === 0xcf) return this.safe(this.view.getBigUint64(this.move(8)));
    if (tag === 0xd3) return this.safe(this.view.getBigInt64(this.move(8)));
    const size = 1 << (tag & 3);
    const value = this.uint(size);
    const unused = 32 - 8 * size;
    return tag < 0xd0 ? value : (value << unused) >> unused;
  }

  private array(length: number, depth: number): unknown[] {
    this.enter(length, depth);
    const items: unknown[] = [];
    for (let i = 0; i < length; i++) items.push(this.value(depth + 1));
    return items;
  }

  private map(length: number, depth: number): Record<string, unknown> {
    this.enter(length * 2, depth);
    const result: Record<string, unknown> = {};
    for (let i = 0; i < length; i++) {
      const key = this.value(depth + 1);
      if (typeof key !== "string" && typeof key !== "number")
        this.malformed("a map key is no string and no number");
      const value = this.value(depth + 1);
      // Plain assignment of this one key would change the object's prototype instead.
      if (key === "__proto__") {
        Object.defineProperty(result, key, { value, configurable: true, enumerable: true, writable: true });
      } else result[String(key)] = value;
    }
    return result;
  }

  /** Every element takes a byte at least: a length beyond the end is refused before anything is built. */
  private enter(elements: number, depth: number): void {
    if (depth >= this.maxDepth) {
      const error = new DecodeError("TOO_LARGE", `nested deeper than ${this.maxDepth}`);
      if (depth >= MAX_WALK_DEPTH) throw error;
      this.fault ??= error;
    }
    if (elements > this.bytes.length - this.at) throw truncated();
  }

  private text(length: number): string {
    const bytes = this.take(length);
    // Keys and short words are ASCII, and TextDecoder costs more than they do.
    if (length < 16 && bytes.every((code) => code < 0x80)) return String.fromCharCode(...bytes);
    try {
      return utf8.decode(bytes);
    } catch {
      this.malformed("a string that is not UTF-8");
      return "";
    }
  }

  private extension(length: number): Date {
    const type = this.view.getInt8(this.move(1));
    const at = this.move(length);
    const high = length >= 4 ? this.view.getUint32(at) : 0;
    if (type !== -1) this.malformed(`extension type ${type} is not known`);
    else if (length === 4) return this.instant(high, 0);
    else if (length === 8)
      return this.instant((high & 3) * 2 ** 32 + this.view.getUint32(at + 4), high >>> 2);
    else if (length === 12) return this.instant(this.safe(this.view.getBigInt64(at + 4)), high);
    else this.malformed(`a timestamp of ${length} bytes`);
    return new Date(Number.NaN);
  }

  private instant(seconds: number, nanos: number): Date {
    const date = new Date(seconds * 1000 + Math.floor(nanos / 1_000_000));
    if (nanos > 999_999_999) this.malformed("a timestamp with more than a second of nanoseconds");
    if (Number.isNaN(date.getTime()))
      this.fault ??= new RangeError("the time is beyond what a Date can hold");
    return date;
  }

  private safe(value: bigint): number {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) this.fault ??= new RangeError(`the integer ${value} is beyond 2^53-1`);
    return number;
  }

  private malformed(message: string): void {
    this.fault ??= new DecodeError("MALFORMED", message);
  }

  private uint(size: number): number {
    const at = this.move(size);
    if (size === 1) return this.view.getUint8(at);
    return size === 2 ? this.view.getUint16(at) : this.view.getUint32(at);
  }

  private take(length: number): Uint8Array {
    const at = this.move(length);
    return this.bytes.subarray(at, at + length);
  }

  private move(length: number): number {
    const at = this.at;
    if (at + length > this.bytes.length) throw truncated();
    this.at = at + length;
    return at;
  }
}

function truncated(): DecodeError {
  return new DecodeError("TRUNCATED", "the bytes end inside a value");
}

/**
 * Decodes exactly one msgpack value.
 *
 * @throws DecodeError for bytes that are truncated, invalid, followed by more, or nested deeper than `maxDepth`
 * @throws RangeError for an integer beyond 2^53−1 or a time that a Date cannot hold
 */
export function decode(bytes: Uint8Array, maxDepth = MAX_INBOUND_DEPTH): unknown {
  const decoder = new Decoder(bytes, 0, maxDepth);
  const value = decoder.value();
  if (decoder.fault !== undefined) throw decoder.fault;
  if (!decoder.done) throw new DecodeError("MALFORMED", "bytes follow the value");
  return value;
}
