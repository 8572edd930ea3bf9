/** The few things that the layers ask of each other, and of the world. */

/** Time and chance, injectable so that tests need neither. Milliseconds. */
export interface Environment {
  now(): number;
  setTimeout(run: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
  /** From 0 up to, not including, 1. */
  random(): number;
}

/** As much of a WebSocket as is used. The browser's and the one of the `ws` package both fit. */
export interface SocketLike {
  binaryType: string;
  addEventListener(type: "open" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { code: number; reason: string }) => void): void;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

export type SocketConstructor = new (url: string, protocols: string[]) => SocketLike;

/** What the app's identity loader gets as `payload`; `token` is the usual key. */
export type Credentials = Readonly<Record<string, unknown>>;

/** One row of the generated descriptor table. */
export interface Procedure {
  /** The names of the positional parameters, in order. */
  readonly args: readonly string[];
  /** `METHOD /path/{parameter}`, below the descriptor's `api`. */
  readonly http?: string;
  readonly stream?: boolean;
  /** The procedure has no WebSocket form. */
  readonly via?: "http";
  /** The parameter that is a stream from the client (PROTOCOL §4, upload). */
  readonly upload?: string;
  /** The one parameter is the body itself; or the body is a form with uploads. Default: an object by name. */
  readonly body?: "single" | "form";
}

/** The table that the generated file holds. */
export interface Descriptor {
  /** The hash of the call shapes, sent in hello. */
  readonly calls: string;
  /** The WebSocket's path. */
  readonly ws: string;
  /** The prefix of the REST mirror. */
  readonly api: string;
  /** By wire name; `teams.rename` has the namespace `teams`. */
  readonly procedures: Readonly<Record<string, Procedure>>;
}

/** How far a stream may run ahead of its reader, in items and in bytes. */
export interface Window {
  readonly stream_items: number;
  readonly stream_bytes: number;
}

/** Takes from a stream so many items, of so many bytes together: read by one side, so granted to the other. */
export type Grant = (items: number, bytes: number) => void;

/** What a caller asks for. */
export interface CallRequest {
  readonly name: string;
  readonly procedure: Procedure;
  /** As the caller wrote them: positional ones, then perhaps the object of keyword-only ones. */
  readonly values: readonly unknown[];
  /** The deadline in milliseconds, from now; 0 is none. */
  readonly timeoutMs: number;
}

/** What a caller hears of its call. `done` or `fail` comes once and last. */
export interface CallSink {
  item?(value: unknown, bytes: number): void;
  done(value: unknown): void;
  /** @param atOnce the caller asked for it: items that wait for the reader are dropped */
  fail(error: unknown, atOnce?: boolean): void;
}

/** Something under way that a transport answers. All but the first answer are ignored. */
export interface Answerable extends Required<CallSink> {
  /** Its id on the connection that it was handed to, and that connection. */
  id: number;
  link: unknown;
  /** Whose bound it counts against: 0 calls, 1 streams, 2 nobody's. */
  readonly lane: 0 | 1 | 2;
  /** What is sent again if the server has certainly not started it: a call that waits, or that went before welcome. */
  tail?: Tail | undefined;
  /** The server takes that much more of the upload. */
  refill?: Grant | undefined;
}

/** A call between its caller and its transport. */
export interface Call extends Answerable {
  readonly request: CallRequest;
  readonly startedAt: number;
  /** The window of the connection that the call was handed to; undefined until then. */
  window: Window | undefined;
  /** The caller has its answer, or does not want one. */
  settled: boolean;
  /** Begins the upload, when the call has been sent. */
  begin?: ((window: Window) => void) | undefined;
  /** Its reader has taken that much. */
  grant?: Grant | undefined;
  /** Ends what the transport does for the call; it is run when the call settles, however it does. */
  stop?: (() => void) | undefined;
  /** Settles the call with `error` (undefined: the reader has left) and asks the server to stop. */
  cancel(error: unknown): void;
}

/** A call's name and arguments as msgpack. */
export interface Tail {
  readonly bytes: Uint8Array;
  /** How many elements of the message that is. */
  readonly elements: number;
}

export interface Transport {
  readonly name: "websocket" | "http";
  /** @throws for a call that cannot be sent; then it has not begun */
  start(call: Call): void;
  /** The caller wants no answer any more: asks the server to stop. */
  cancel?(call: Call): void;
}
