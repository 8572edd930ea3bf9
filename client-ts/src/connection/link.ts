import type { SocketConstructor, SocketLike } from "../ports.js";
import { decodeFrame, type Received, type Unreadable } from "../wire/frame.js";

/** The WebSocket subprotocol of PROTOCOL §1. */
export const SUBPROTOCOL = "fusewire.v1.msgpack";

/** What a link reports; all of it stops after `close`. */
export interface LinkListener {
  opened(): void;
  messages(messages: readonly (Received | Unreadable)[]): void;
  closed(code: number, reason: string): void;
}

/** One socket: frames in both directions, nothing of what they mean. */
export class Link {
  private readonly socket: SocketLike;
  private readonly outgoing: Uint8Array[] = [];
  private closed = false;

  constructor(url: string, WebSocket: SocketConstructor, listener: LinkListener) {
    this.socket = new WebSocket(url, [SUBPROTOCOL]);
    this.socket.binaryType = "arraybuffer";
    const current = (run: () => void): void => {
      if (!this.closed) run();
    };
    this.socket.addEventListener("open", () => current(() => listener.opened()));
    this.socket.addEventListener("message", ({ data }) => {
      current(() => listener.messages(data instanceof ArrayBuffer ? decodeFrame(new Uint8Array(data)) : []));
    });
    this.socket.addEventListener("close", ({ code, reason }) => current(() => listener.closed(code, reason)));
    // A close event follows with what there is to know; but without a listener the `ws` package throws.
    this.socket.addEventListener("error", () => undefined);
  }

  /** Puts a message into the next frame. */
  queue(message: Uint8Array): void {
    this.outgoing.push(message);
  }

  /** Sends what is queued, in as few frames as the bound allows. */
  flush(maxFrameBytes: number): void {
    const messages = this.outgoing.splice(0);
    for (let start = 0; start < messages.length; ) {
      let end = start;
      let size = 0;
      for (let next = messages[end]; next !== undefined; next = messages[end]) {
        if (end > start && size + next.length > maxFrameBytes) break;
        size += next.length;
        end++;
      }
      this.socket.send(join(messages.slice(start, end), size));
      start = end;
    }
  }

  close(code: number): void {
    this.closed = true;
    this.socket.close(code);
  }
}

function join(messages: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(size);
  let at = 0;
  for (const message of messages) {
    frame.set(message, at);
    at += message.length;
  }
  return frame;
}
