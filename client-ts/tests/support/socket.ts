import type { SocketConstructor, SocketLike } from "../../src/ports.js";
import { decodeFrame, encodeMessage, type Message } from "./messages.js";

type Listeners = {
  open: () => void;
  error: () => void;
  message: (event: { data: unknown }) => void;
  close: (event: { code: number; reason: string }) => void;
};

/** A socket without a network: what is sent can be read, and what happens is said by the test. */
export class FakeSocket implements SocketLike {
  binaryType = "";
  closedWith: number | undefined;
  readonly frames: Message[][] = [];
  private readonly listeners: Partial<Listeners> = {};

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {}

  addEventListener<Type extends keyof Listeners>(type: Type, listener: Listeners[Type]): void {
    this.listeners[type] = listener as (typeof this.listeners)[Type];
  }

  send(data: Uint8Array): void {
    const frame = decodeFrame(data).map((received) => {
      if (!received.ok) throw received.error;
      return received.message;
    });
    this.frames.push(frame);
  }

  close(code?: number): void {
    this.closedWith = code;
  }

  get messages(): Message[] {
    return this.frames.flat();
  }

  opened(): void {
    this.listeners.open?.();
  }

  receives(...messages: (Message | Uint8Array)[]): void {
    const parts = messages.map((part) => (part instanceof Uint8Array ? part : encodeMessage(part)));
    const data = new Uint8Array(Buffer.concat(parts)).buffer;
    this.listeners.message?.({ data });
  }

  closes(code: number, reason = CLOSES[code] ?? ""): void {
    this.listeners.close?.({ code, reason });
  }
}

/** What a server gives as the reason of its closes (PROTOCOL §6), as far as tests close. */
const CLOSES: Record<number, string> = {
  4000: "going_away",
  4001: "slow",
  4500: "protocol_error",
  4501: "unauthenticated",
  4502: "frame_too_large",
};

/** A WebSocket class, and the sockets that were made with it. */
export function fakeSockets(): { WebSocket: SocketConstructor; sockets: FakeSocket[] } {
  const sockets: FakeSocket[] = [];
  class Socket extends FakeSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      sockets.push(this);
    }
  }
  return { WebSocket: Socket, sockets };
}

/** Lets everything run that waits for nothing but its turn. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 12; turn++) await Promise.resolve();
}
