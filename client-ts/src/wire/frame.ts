import { DecodeError, Decoder, MAX_INBOUND_DEPTH } from "./codec.js";
import { type Message, toMessage, usableId } from "./messages.js";

/** A message that was read, with the encoded size of its `value` in bytes (0 without one): what credit counts. */
export interface Received {
  readonly ok: true;
  readonly message: Message;
  readonly valueBytes: number;
}

/** A message that could not be read. `id` is the call it belongs to, if that much could be read. */
export interface Unreadable {
  readonly ok: false;
  readonly id: number | null;
  readonly code: "MALFORMED" | "TOO_LARGE";
  readonly error: Error;
}

export interface FrameOptions {
  /** The deepest nesting of a message's fields. Default 128. */
  readonly maxDepth?: number;
  /** The smallest id that is one. Default 1; 0 over HTTP (PROTOCOL §8). */
  readonly minId?: number;
}

/**
 * Reads the messages of one frame, in order. What is wrong with one message stays with that message as long as its
 * length can be walked; bytes that are not msgpack drop the rest of the frame (PROTOCOL §5, misuse).
 */
export function decodeFrame(bytes: Uint8Array, options: FrameOptions = {}): (Received | Unreadable)[] {
  const messages: (Received | Unreadable)[] = [];
  const reader = new MessageReader(options);
  messages.push(...reader.push(bytes));
  if (bytes.length === 0) messages.push(unreadable(null, new DecodeError("MALFORMED", "an empty frame")));
  if (reader.pending) messages.push(unreadable(null, new DecodeError("TRUNCATED", "the frame ends inside a message")));
  return messages;
}

/** Reads messages from bytes that arrive in pieces of any size. */
export class MessageReader {
  private rest = new Uint8Array(0);
  private broken = false;

  constructor(private readonly options: FrameOptions = {}) {}

  /** Whether bytes of a message that is not complete are waiting. */
  get pending(): boolean {
    return this.rest.length > 0;
  }

  push(chunk: Uint8Array): (Received | Unreadable)[] {
    const bytes = this.join(chunk);
    const messages: (Received | Unreadable)[] = [];
    let at = 0;
    while (at < bytes.length && !this.broken) {
      const end = endOf(bytes, at);
      if (end === "TRUNCATED") break;
      if (end === "MALFORMED") {
        this.broken = true;
        messages.push(unreadable(null, new DecodeError("MALFORMED", "bytes that are not msgpack")));
      } else {
        messages.push(readMessage(bytes.subarray(at, end), this.options));
        at = end;
      }
    }
    this.rest = this.broken ? new Uint8Array(0) : bytes.slice(at);
    return messages;
  }

  private join(chunk: Uint8Array): Uint8Array {
    if (this.rest.length === 0) return chunk;
    const joined = new Uint8Array(this.rest.length + chunk.length);
    joined.set(this.rest);
    joined.set(chunk, this.rest.length);
    return joined;
  }
}

function endOf(bytes: Uint8Array, at: number): number | "TRUNCATED" | "MALFORMED" {
  const decoder = new Decoder(bytes, at);
  try {
    decoder.skip();
    return decoder.at;
  } catch (error) {
    return error instanceof DecodeError && error.code === "TRUNCATED" ? "TRUNCATED" : "MALFORMED";
  }
}

/** Reads the one message that `bytes` are, element by element, so that the id is known when a later element fails. */
function readMessage(bytes: Uint8Array, { maxDepth = MAX_INBOUND_DEPTH, minId = 1 }: FrameOptions): Received | Unreadable {
  const decoder = new Decoder(bytes, 0, maxDepth);
  const elements: unknown[] = [];
  let valueBytes = 0;
  try {
    for (let left = decoder.arrayLength(); left > 0; left--) {
      const start = decoder.at;
      elements.push(decoder.value());
      if (elements.length === 3) valueBytes = decoder.at - start;
    }
  } catch (error) {
    return unreadable(usableId(elements, minId), error instanceof Error ? error : new Error(String(error)));
  }
  const message = toMessage(elements, minId);
  if (message !== undefined) return { ok: true, message, valueBytes: "value" in message ? valueBytes : 0 };
  return unreadable(usableId(elements, minId), new DecodeError("MALFORMED", "a message of no known shape"));
}

function unreadable(id: number | null, error: Error): Unreadable {
  const code = error instanceof DecodeError && error.code === "TOO_LARGE" ? "TOO_LARGE" : "MALFORMED";
  return { ok: false, id, code, error };
}
