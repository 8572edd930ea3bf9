import { failure } from "../errors.js";
import type { SocketConstructor, SocketLike } from "../ports.js";
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
export class Link {
  /** How many ids are in use, by lane: calls, streams, and refreshes. */
  readonly load: [number, number, number] = [0, 0, 0];
  maxFrameBytes = 65_536;
  /** A pong is due. */
  pinged = false;
  /** The server has said welcome; before that, it holds what calls it gets. */
  welcomed = false;
  /** How many bytes of calls were sent before welcome. */
  heldBytes = 0;
  /** The server closed the connection instead of saying welcome, so that no call on it has run. */
  refused = false;
  private readonly socket: SocketLike;
  private readonly sheet = newSheet();
  private messages = 0;
  private closed = false;

  constructor(
    readonly number: number,
    url: string,
    WebSocket: SocketConstructor,
    listener: LinkListener,
  ) {
    const socket = new WebSocket(url, [SUBPROTOCOL]);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => this.closed || listener.opened());
    socket.addEventListener("message", ({ data }) => {
      if (!this.closed) listener.received(new Uint8Array(data as ArrayBuffer));
    });
    socket.addEventListener("close", ({ code, reason }) => this.closed || listener.closed(code, reason));
    // A close event follows with what there is to know; but without a listener the `ws` package throws.
    socket.addEventListener("error", () => {});
    this.socket = socket;
  }

  /**
   * Puts a message into the next frame, or into one behind it when that frame is full.
   *
   * @returns the message's size in bytes
   * @throws RpcError `TOO_LARGE` for a message that no frame can carry, and what `elements` throws; then nothing was written
   */
  write(elements: () => number): number {
    const { sheet, maxFrameBytes } = this;
    const start = sheet.at;
    writeMessage(sheet, elements);
    const size = sheet.at - start;
    if (size > maxFrameBytes) {
      sheet.at = start;
      throw failure("TOO_LARGE", 413, `the message takes ${size} bytes, the server reads ${maxFrameBytes}`);
    }
    const full = sheet.at > Math.min(maxFrameBytes, MAX_JOINED_BYTES) || this.messages >= MAX_FRAME_MESSAGES;
    if (full && start > 0) {
      const message = sheet.bytes.slice(start, sheet.at);
      sheet.at = start;
      this.flush();
      fill(sheet, () => writeRaw(message));
    }
    this.messages++;
    return size;
  }

  /** Sends what was written. */
  flush(): void {
    this.messages = 0;
    if (this.sheet.at > 0) this.socket.send(tearOff(this.sheet));
  }

  close(code: number): void {
    if (this.closed) return;
    this.flush();
    this.closed = true;
    this.socket.close(code);
  }
}
