import { at, DecodeError, fault, readValue, seek, thirdBytes } from "./decode.js";
import { isMessage, type Message, usableId } from "./messages.js";

/** What becomes of the messages of a frame. */
export interface Reader {
  /** The smallest id that is one: 1, or 0 over HTTP (PROTOCOL §8). */
  readonly minId: number;
  /** The deepest nesting of a message's fields. Default 128. */
  readonly maxDepth?: number;
  /** @param valueBytes the encoded size of the third element, which is an item's `value`: what credit counts */
  take(message: Message, valueBytes: number): unknown;
  /** A message cannot be read. @param id the call that it belongs to, if that much could be read */
  refuse(id: number | null, error: Error): void;
}

/**
 * Reads messages back to back, in order. What is wrong with one message stays with that message as long as its length
 * can be walked; bytes that are not msgpack drop the rest (PROTOCOL §5, misuse).
 *
 * @returns how many bytes were read: less than all of them when they end inside a message
 */
export function readMessages(bytes: Uint8Array, reader: Reader): number {
  let next = 0;
  while (next < bytes.length) {
    // Each time anew, since `take` may have led to another read.
    seek(bytes, next, reader.maxDepth);
    let message: unknown;
    try {
      message = readValue(-1);
    } catch (error) {
      if ((error as DecodeError).code === "TRUNCATED") break;
      reader.refuse(null, error as Error);
      return bytes.length;
    }
    next = at;
    const elements = Array.isArray(message) ? message : [];
    if (!fault && isMessage(elements, reader.minId)) reader.take(elements, thirdBytes);
    else reader.refuse(usableId(elements, reader.minId), fault ?? malformed("not a message"));
  }
  return next;
}

/** Reads one whole frame: one that is empty, or ends inside a message, is malformed. */
export function readFrame(bytes: Uint8Array, reader: Reader): void {
  if (readMessages(bytes, reader) < (bytes.length || 1)) reader.refuse(null, malformed("cut short"));
}

function malformed(text: string): DecodeError {
  return new DecodeError("MALFORMED", text);
}
