import { failure } from "../errors.js";
import type { SocketConstructor } from "../ports.js";
import { fill, newSheet, tearOff, writeRaw } from "../wire/codec.js";
import { writeMessage } from "../wire/messages.js";

/** The WebSocket subprotocol of PROTOCOL §1. */
export const SUBPROTOCOL = "fusewire.v1.msgpack";
/** What PROTOCOL §5 allows in one frame: messages, and bytes when there are several. */
const MAX_FRAME_MESSAGES = 1_024;
const MAX_JOINED_BYTES = 2 ** 21;

/** What a link reports; all of it stops after `close`. */
export interface LinkListener {
  opened(): void;
  received(frame: Uint8Array): void;
  closed(code: number, reason: string): void;
}

/** One socket, and what is known of it. */
export interface Link {
  readonly number: number;
  /** How many ids are in use, by lane: calls, streams, and refreshes. */
  readonly load: [number, number, number];
  maxFrameBytes: number;
  /** A pong is due. */
  pinged: boolean;
  /** The server has said welcome; before that, it holds what calls it gets. */
  welcomed: boolean;
  /** How many bytes of calls were sent before welcome. */
  heldBytes: number;
  /** The server closed the connection instead of saying welcome, so that no call on it has run. */
  refused: boolean;
  /**
   * Puts a message into the next frame, or into one behind it when that frame is full.
   *
   * @throws RpcError `TOO_LARGE` for a message that no frame can carry, and what `elements` throws; then nothing was
   *   written
   */
  write(elements: () => number): void;
  /** Sends what was written. */
  flush(): void;
  close(code: number): void;
}

export function openLink(
  number: number,
  url: string,
  WebSocket: SocketConstructor,
  listener: LinkListener,
): Link {
  const socket = new WebSocket(url, [SUBPROTOCOL]);
  const sheet = newSheet();
  let messages = 0;
  let closed = false;
  const flush = (): void => {
    messages = 0;
    if (sheet.at > 0) socket.send(tearOff(sheet));
  };
  socket.binaryType = "arraybuffer";
  socket.addEventListener("open", () => closed || listener.opened());
  socket.addEventListener("message", ({ data }) => {
    if (!closed) listener.received(new Uint8Array(data as ArrayBuffer));
  });
  socket.addEventListener("close", ({ code, reason }) => closed || listener.closed(code, reason));
  // A close event follows with what there is to know; but without a listener the `ws` package throws.
  socket.addEventListener("error", () => {});
  return {
    number,
    load: [0, 0, 0],
    maxFrameBytes: 65_536,
    pinged: false,
    welcomed: false,
    heldBytes: 0,
    refused: false,
    write(elements) {
      const { maxFrameBytes: most } = this;
      const start = sheet.at;
      writeMessage(sheet, elements);
      const size = sheet.at - start;
      if (size > most) {
        sheet.at = start;
        throw failure("TOO_LARGE", 413, `${size} bytes, the server reads ${most}`);
      }
      messages++;
      if (start > 0 && (sheet.at > Math.min(most, MAX_JOINED_BYTES) || messages > MAX_FRAME_MESSAGES)) {
        const message = sheet.bytes.slice(start, sheet.at);
        sheet.at = start;
        flush();
        messages = 1;
        fill(sheet, () => writeRaw(message));
      }
    },
    flush,
    close(code) {
      if (closed) return;
      flush();
      closed = true;
      socket.close(code);
    },
  };
}
