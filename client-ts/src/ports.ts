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

export interface CallRequest {
  readonly name: string;
  readonly procedure: Procedure;
  /** As the caller wrote them: positional ones, then perhaps the object of keyword-only ones. */
  readonly values: readonly unknown[];
  /** The deadline in milliseconds, from now; 0 is none. */
  readonly timeoutMs: number;
  /** Who asks: all calls of one owner can be ended together. */
  readonly owner: object;
}

/** What a transport tells about a call. `done` or `fail` comes once and last. */
export interface CallSink {
  /** The call was handed to a connection whose streams have this window. */
  sent(window: { readonly items: number; readonly bytes: number }): void;
  item(value: unknown, bytes: number): void;
  done(value: unknown): void;
  /** @param atOnce the caller asked for it: items that wait for the reader are dropped */
  fail(error: unknown, atOnce?: boolean): void;
}

/** What can be asked of a call under way. */
export interface RunningCall {
  /** Settles the call with `error` (a stream's reader that left needs none) and asks the server to stop. */
  cancel(error: unknown): void;
  /** The reader has taken that much. */
  credit(items: number, bytes: number): void;
}

export interface Transport {
  readonly name: "websocket" | "http";
  /** @throws TypeError or RangeError for arguments that cannot be sent; then the sink hears nothing */
  start(request: CallRequest, sink: CallSink): RunningCall;
}
