import { failure } from "../errors.js";
import type { Call, Flight, Frame, SocketLike } from "../ports.js";
import { fill, newSheet, type Sheet, tearOff, writeRaw } from "../wire/codec.js";
import { type Limits, writeMessage } from "../wire/messages.js";

/** What PROTOCOL §5 allows in one frame: messages, and bytes when there are several. */
const MAX_FRAME_MESSAGES = 1_024;
const MAX_JOINED_BYTES = 2 ** 21;
/** What may be sent whatever a server says: a cancel, a credit or a pong must not fail. */
const ALWAYS_BYTES = 64;

/** The server's own defaults: for what a welcome leaves out, and for the calls that go before it. */
export const DEFAULT_LIMITS: Limits = {
  heartbeat_ms: 25_000,
  max_frame_bytes: MAX_JOINED_BYTES,
  max_calls: 64,
  max_streams: 32,
  stream_items: 64,
  stream_bytes: 262_144,
};

/** What a link reports. */
export interface LinkOwner {
  /** The deadline of unary calls that hello told, in milliseconds. */
  readonly timeoutMs: number;
  /** A frame has something in it. */
  written(): void;
  /** The call waits again, for the next connection or its turn on this one; or it fails, if there will be none. */
  again(call: Call): void;
}

/** One connection, from before its socket is asked for. The sheet is its next frame. */
export interface Link extends Sheet {
  readonly owner: LinkOwner;
  /** Undefined before it is asked for, after it is given up, and in the pause between two connections. */
  socket: SocketLike | undefined;
  timer?: unknown;
  /** When something was received last. */
  heardAt: number;
  /** Hello has been said. */
  open?: boolean;
  /** When the server has said welcome; before that, it holds what calls it gets. */
  welcomed?: number;
  /** Its calls finish, while another connection takes the new ones. */
  drains?: boolean;
  /** The server closed the connection instead of saying welcome, so that no call on it has run. */
  refused?: boolean;
  /** A pong is due. */
  pinged?: boolean;
  limits: Limits;
  /** Whether `calls` of hello was the server's own. */
  same?: boolean;
  /** What is in flight, by id. Ids are used again, so that they stay small on the wire. */
  readonly flights: (Flight | undefined)[];
  readonly freeIds: number[];
  /** How many ids are in use, by lane: calls, streams, and refreshes. */
  readonly load: [number, number, number];
  /** What the next frame will be, and how many messages it has. */
  frame: Frame;
  messages: number;
  /** How many bytes were sent before welcome, hello among them. */
  heldBytes: number;
}

export function newLink(owner: LinkOwner): Link {
  return {
    ...newSheet(),
    owner,
    socket: undefined,
    limits: DEFAULT_LIMITS,
    flights: [undefined],
    freeIds: [],
    load: [0, 0, 0],
    frame: {},
    messages: 0,
    heldBytes: 0,
    heardAt: 0,
  };
}

/**
 * Puts a message into the next frame, or into one behind it when that frame is full.
 *
 * @returns where in the frame it begins
 * @throws RpcError `TOO_LARGE` for a message that no frame can carry, and what `elements` throws; then nothing was written
 */
export function writeTo(link: Link, elements: () => number): number {
  const start = link.at;
  writeMessage(link, elements);
  const size = link.at - start;
  const { max_frame_bytes } = link.limits;
  if (size > Math.max(max_frame_bytes, ALWAYS_BYTES)) {
    link.at = start;
    throw failure("TOO_LARGE", 413, `${size} bytes, the server reads ${max_frame_bytes}`);
  }
  const isFull = link.at > Math.min(max_frame_bytes, MAX_JOINED_BYTES) || link.messages >= MAX_FRAME_MESSAGES;
  if (start > 0 && isFull) {
    const message = link.bytes.slice(start, link.at);
    link.at = start;
    flush(link);
    fill(link, () => writeRaw(message));
  }
  link.messages++;
  link.owner.written();
  return link.at - size;
}

/** Sends what was written. */
export function flush(link: Link): void {
  if (!link.open || link.at === 0) return;
  const sent = tearOff(link);
  link.messages = 0;
  link.frame.sent = sent;
  link.frame = {};
  link.socket?.send(sent);
}
