import { DecodeError, Decoder } from "./codec.js";
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
  const reader = new MessageReader(options);
  const messages = reader.push(bytes);
  if (bytes.length === 0 || reader.pending) {
    messages.push(unreadable(null, new DecodeError("TRUNCATED", "the frame ends inside a message")));
  }
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
    const decoder = new Decoder(bytes, 0, this.options.maxDepth);
    const messages: (Received | Unreadable)[] = [];
    let read = 0;
    while (!decoder.done && !this.broken) {
      const message = readMessage(decoder, this.options.minId);
      if (message === "incomplete") break;
      this.broken = message === "broken";
      messages.push(message === "broken" ? unreadable(null, decoder.fault) : message);
      read = decoder.at;
    }
    this.rest = bytes.slice(this.broken ? bytes.length : read);
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

/** Reads one message, element by element, so that the id is known when another element is wrong. */
function readMessage(decoder: Decoder, minId = 1): Received | Unreadable | "incomplete" | "broken" {
  const elements: unknown[] = [];
  let valueBytes = 0;
  decoder.fault = undefined;
  try {
    const length = decoder.arrayLength();
    if (length < 0) decoder.value();
    while (elements.length < length) {
      const start = decoder.at;
      elements.push(decoder.value());
      if (elements.length === 3) valueBytes = decoder.at - start;
    }
  } catch (error) {
    if (error instanceof DecodeError && error.code === "TRUNCATED") return "incomplete";
    decoder.fault = error as Error;
    return "broken";
  }
  const message = decoder.fault === undefined ? toMessage(elements, minId) : undefined;
  if (message === undefined) return unreadable(usableId(elements, minId), decoder.fault);
  return { ok: true, message, valueBytes: "value" in message ? valueBytes : 0 };
}

function unreadable(
  id: number | null,
  error: Error = new DecodeError("MALFORMED", "no known message"),
): Unreadable {
  const code = error instanceof DecodeError && error.code === "TOO_LARGE" ? "TOO_LARGE" : "MALFORMED";
  return { ok: false, id, code, error };
}
