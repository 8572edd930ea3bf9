import { failure } from "../errors.js";
import type { SocketLike } from "../ports.js";
import { fill, newSheet, type Sheet, tearOff, writeRaw } from "../wire/codec.js";
import { writeMessage } from "../wire/messages.js";

/** What PROTOCOL §5 allows in one frame: messages, and bytes when there are several. */
const MAX_FRAME_MESSAGES = 1_024;
const MAX_JOINED_BYTES = 2 ** 21;

/** One socket, and what is known of it. */
export interface Link {
  readonly number: number;
  readonly socket: SocketLike;
  /** How many ids are in use, by lane: calls, streams, and refreshes. */
  readonly load: [number, number, number];
  /** The next frame, and how many messages it has. */
  readonly sheet: Sheet;
  messages: number;
  maxFrameBytes: number;
  /** A pong is due. */
  pinged?: boolean;
  /** The server has said welcome; before that, it holds what calls it gets. */
  welcomed?: boolean;
  /** How many bytes were sent before welcome, hello among them. */
  heldBytes: number;
  /** The server closed the connection instead of saying welcome, so that no call on it has run. */
  refused?: boolean;
}

export function newLink(number: number, socket: SocketLike): Link {
  return {
    number,
    socket,
    load: [0, 0, 0],
    sheet: newSheet(),
    messages: 0,
    maxFrameBytes: MAX_JOINED_BYTES,
    heldBytes: 0,
  };
}

/**
 * Puts a message into the next frame, or into one behind it when that frame is full.
 *
 * @throws RpcError `TOO_LARGE` for a message that no frame can carry, and what `elements` throws; then nothing was written
 */
export function writeTo(link: Link, elements: () => number): void {
  const { sheet, maxFrameBytes } = link;
  const start = sheet.at;
  writeMessage(sheet, elements);
  const size = sheet.at - start;
  if (size > maxFrameBytes) {
    sheet.at = start;
    throw failure("TOO_LARGE", 413, `${size} bytes, the server reads ${maxFrameBytes}`);
  }
  const isFull = sheet.at > Math.min(maxFrameBytes, MAX_JOINED_BYTES) || link.messages >= MAX_FRAME_MESSAGES;
  if (start > 0 && isFull) {
    const message = sheet.bytes.slice(start, sheet.at);
    sheet.at = start;
    flush(link);
    fill(sheet, () => writeRaw(message));
  }
  link.messages++;
}

/** Sends what was written. */
export function flush(link: Link): void {
  link.messages = 0;
  if (link.sheet.at > 0) link.socket.send(tearOff(link.sheet));
}
