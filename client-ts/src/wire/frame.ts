import { at, DecodeError, fault, readArrayHead, readValue, seek } from "./decode.js";
import { isMessage, type Message, usableId } from "./messages.js";

/** What becomes of the messages of a frame. */
export interface Reader {
  /** The smallest id that is one: 1, or 0 over HTTP (PROTOCOL §8). */
  readonly minId: number;
  /** The deepest nesting of a message's fields. Default 128. */
  readonly maxDepth?: number;
  /** @param valueBytes the encoded size of the third element, which is an item's `value`: what credit counts */
  take(message: Message, valueBytes: number): void;
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
    const message: unknown[] = [];
    let valueBytes = 0;
    try {
      const length = readArrayHead();
      if (length < 0) readValue();
      while (message.length < length) {
        const start = at;
        message.push(readValue());
        if (message.length === 3) valueBytes = at - start;
      }
    } catch (error) {
      if ((error as DecodeError).code === "TRUNCATED") break;
      reader.refuse(null, error as Error);
      return bytes.length;
    }
    next = at;
    if (fault === undefined && isMessage(message, reader.minId)) reader.take(message, valueBytes);
    else reader.refuse(usableId(message, reader.minId), fault ?? malformed("no known message"));
  }
  return next;
}

/** Reads one whole frame: one that is empty, or ends inside a message, is malformed. */
export function readFrame(bytes: Uint8Array, reader: Reader): void {
  if (readMessages(bytes, reader) < (bytes.length || 1))
    reader.refuse(null, malformed("the frame ends inside a message"));
}

function malformed(text: string): DecodeError {
  return new DecodeError("MALFORMED", text);
}
