/** The deepest nesting accepted from the server; results may nest deeper than arguments (32). */
export const MAX_INBOUND_DEPTH = 128;

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

/** Reads msgpack values one after another from `bytes`, beginning at `at`. */
export class Decoder {
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

  /** @throws DecodeError, or RangeError for an integer beyond 2^53−1 or a time that a Date cannot hold */
  value(depth = 0): unknown {
    const tag = this.uint(1);
    if (tag < 0x80) return tag;
    if (tag < 0x90) return this.map(tag & 15, depth);
    if (tag < 0xa0) return this.array(tag & 15, depth);
    if (tag < 0xc0) return this.text(tag & 31);
    if (tag >= 0xe0) return tag - 0x100;
    return this.tagged(tag, depth);
  }

  /** The element count of the array that begins here, or -1 if it is something else. */
  arrayLength(): number {
    const tag = this.uint(1);
    if (tag >= 0x90 && tag < 0xa0) return tag & 15;
    if (tag === 0xdc) return this.uint(2);
    if (tag === 0xdd) return this.uint(4);
    this.at -= 1;
    return -1;
  }

  /** Walks over one value without building it, however deep: what follows a bad value can still be read. */
  skip(): void {
    for (let values = 1; values > 0; values--) {
      const tag = this.uint(1);
      if (tag < 0x80 || tag >= 0xe0) continue;
      if (tag < 0x90) values += 2 * (tag & 15);
      else if (tag < 0xa0) values += tag & 15;
      else if (tag < 0xc0) this.take(tag & 31);
      else if (tag >= 0xde) values += 2 * this.uint(tag === 0xde ? 2 : 4);
      else if (tag >= 0xdc) values += this.uint(tag === 0xdc ? 2 : 4);
      else this.skipTagged(tag);
    }
  }

  private skipTagged(tag: number): void {
    if (tag === 0xc1) throw new DecodeError("MALFORMED", "0xc1 is not msgpack");
    if (tag <= 0xc3) return;
    if (tag <= 0xc6) this.take(this.uint(sizeOf(tag - 0xc4)));
    else if (tag <= 0xc9) this.take(this.uint(sizeOf(tag - 0xc7)) + 1);
    else if (tag <= 0xcb) this.take(tag === 0xca ? 4 : 8);
    else if (tag <= 0xd3) this.take(1 << (tag & 3));
    else if (tag <= 0xd8) this.take(1 + (1 << (tag - 0xd4)));
    else this.take(this.uint(sizeOf(tag - 0xd9)));
  }

  private tagged(tag: number, depth: number): unknown {
    switch (tag) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.take(this.uint(sizeOf(tag - 0xc4))).slice();
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.extension(this.uint(sizeOf(tag - 0xc7)));
      case 0xca:
        return this.view.getFloat32(this.move(4));
      case 0xcb:
        return this.view.getFloat64(this.move(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.uint(sizeOf(tag - 0xcc));
      case 0xcf:
        return safe(this.view.getBigUint64(this.move(8)));
      case 0xd0:
        return this.view.getInt8(this.move(1));
      case 0xd1:
        return this.view.getInt16(this.move(2));
      case 0xd2:
        return this.view.getInt32(this.move(4));
      case 0xd3:
        return safe(this.view.getBigInt64(this.move(8)));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.extension(1 << (tag - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.text(this.uint(sizeOf(tag - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.array(this.uint(sizeOf(tag - 0xdb)), depth);
      case 0xde:
      case 0xdf:
        return this.map(this.uint(sizeOf(tag - 0xdd)), depth);
      default:
        throw new DecodeError("MALFORMED", `0x${tag.toString(16)} is not msgpack`);
    }
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
      if (typeof key !== "string" && typeof key !== "number") {
        throw new DecodeError("MALFORMED", "a map key is neither a string nor a number");
      }
      const value = this.value(depth + 1);
      // Plain assignment of this one key would change the object's prototype instead.
      if (key === "__proto__") {
        Object.defineProperty(result, key, { value, configurable: true, enumerable: true, writable: true });
      } else result[key] = value;
    }
    return result;
  }

  /** Every element takes a byte at least: a length beyond the end is refused before anything is built. */
  private enter(elements: number, depth: number): void {
    if (depth >= this.maxDepth) throw new DecodeError("TOO_LARGE", `nested deeper than ${this.maxDepth}`);
    if (elements > this.bytes.length - this.at) throw truncated();
  }

  private text(length: number): string {
    const bytes = this.take(length);
    if (length < 16) {
      let text = "";
      for (const code of bytes) {
        if (code > 0x7f) return decodeText(bytes);
        text += String.fromCharCode(code);
      }
      return text;
    }
    return decodeText(bytes);
  }

  private extension(length: number): Date {
    const type = this.view.getInt8(this.move(1));
    const at = this.move(length);
    if (type !== -1) throw new DecodeError("MALFORMED", `extension type ${type} is not known`);
    if (length === 4) return instant(this.view.getUint32(at), 0);
    if (length === 8) {
      const high = this.view.getUint32(at);
      return instant((high & 3) * 2 ** 32 + this.view.getUint32(at + 4), high >>> 2);
    }
    if (length === 12) return instant(safe(this.view.getBigInt64(at + 4)), this.view.getUint32(at));
    throw new DecodeError("MALFORMED", `a timestamp of ${length} bytes`);
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

function sizeOf(step: number): number {
  return 1 << step;
}

function truncated(): DecodeError {
  return new DecodeError("TRUNCATED", "the bytes end inside a value");
}

function safe(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`the integer ${value} is beyond 2^53-1`);
  return number;
}

function instant(seconds: number, nanos: number): Date {
  if (nanos > 999_999_999) throw new DecodeError("MALFORMED", "a timestamp with more than a second of nanoseconds");
  const date = new Date(seconds * 1000 + Math.floor(nanos / 1_000_000));
  if (Number.isNaN(date.getTime())) throw new RangeError("the time is beyond what a Date can hold");
  return date;
}

function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new DecodeError("MALFORMED", "a string that is not UTF-8");
  }
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
  if (!decoder.done) throw new DecodeError("MALFORMED", "bytes follow the value");
  return value;
}
