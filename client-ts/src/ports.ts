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

/** Asks the app who is calling; null is anonymous. */
export type Auth = () => Promise<Credentials | null> | Credentials | null;

/** One row of the generated descriptor table. */
export interface Procedure {
  /** The names of the positional parameters, in order. */
  readonly args: readonly string[];
  /** `METHOD /path/{parameter}`, below the descriptor's `api`. */
  readonly http?: string;
  readonly stream?: boolean;
  /** `resuming`, for a stream that outlives its connection. */
  readonly resume?: ResumePart;
  /** `retrying`, for a call that may be sent again when no answer came. */
  readonly retry?: RetryPart;
  /** The server executes calls of one key once, so that a call that may be sent again needs one. */
  readonly dedupe?: boolean;
  /** The procedure has no WebSocket form. */
  readonly via?: "http";
  /** The parameter that is a stream from the client (PROTOCOL §4, upload). */
  readonly upload?: string;
  /** The one parameter is the body itself; or the body is a form with uploads. Default: an object by name. */
  readonly body?: "single" | "form";
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
  values: readonly unknown[];
  /** The deadline in milliseconds, from now; 0 is none. */
  readonly timeoutMs: number;
  /** What is sent instead of name and arguments. */
  tail?: Tail | undefined;
}

/** What a caller hears of its call. `done` or `fail` comes once and last. */
export interface CallSink {
  /** @param position where a stream that can be resumed stands behind it */
  item?(value: unknown, bytes: number, position?: unknown): void;
  done(value?: unknown): void;
  /** @param atOnce the caller asked for it: items that wait for the reader are dropped */
  fail(error: unknown, atOnce?: boolean): void;
}

/** Something under way that a transport answers. All but the first answer are ignored. */
export interface Flight extends Required<CallSink> {
  /** Its id on the connection that it was handed to. */
  id: number;
  /** What it was handed to. Undefined as long as it has certainly not been executed. */
  link?: { readonly limits: Window } | undefined;
  /** Whose bound it counts against: 0 calls, 1 streams, 2 nobody's. */
  readonly lane: 0 | 1 | 2;
  /** Its name and arguments, for a call that waits or has waited. */
  tail?: Tail | undefined;
  /** The frame that it went in, on a connection that was welcomed, and where in it. */
  frame?: Frame | undefined;
  at?: number;
  /** Begins the upload, when the call has been sent. */
  begin?: ((window: Window) => void) | undefined;
  /** The server has named the stream, for one that goes on. */
  named?: ((id: unknown) => void) | undefined;
  /** The server takes that much more of the upload. */
  refill?: Grant | undefined;
}

/** A call between its caller and its transport. */
export interface Call extends CallRequest, Flight {
  readonly startedAt: number;
  /** The caller has its answer, or does not want one. */
  settled: boolean;
  /** Writes what its message ends with, behind so many elements; how many there are then. */
  seal?: (elements: number) => number;
  /** What its request has besides, and instead of the usual. */
  headers?: Readonly<Record<string, string>>;
  /** Its reader has taken that much. */
  grant?: Grant | undefined;
  /** Ends what the transport does for the call; it is run when the call settles, however it does. */
  stop?: (() => void) | undefined;
  /** Settles the call with `error` (undefined: the reader has left) and asks the server to stop. */
  cancel(error?: unknown): void;
}

/** A call's name and arguments as msgpack, all of them by name; or what another message has behind its id. */
export interface Tail {
  /** The message's. Default: a call's. */
  readonly kind?: number;
  readonly bytes: Uint8Array;
  /** How many elements of the message that is. */
  readonly elements: number;
}

/** What leaves together; `sent` is what it was when it has left. */
export interface Frame {
  sent?: Uint8Array;
}

export interface Transport {
  readonly name: "websocket" | "http";
  /** @throws for a call that cannot be sent; then it has not begun */
  start(call: Call): void;
  /** The caller wants no answer any more: asks the server to stop. */
  cancel?(call: Call): void;
}

/**
 * Prepares the upload of a call: `begin`, `refill` and `stop`.
 *
 * @param write writes a message about the call, of the elements that its argument writes
 * @throws TypeError for an argument that is no source
 */
export type UploadPart = (call: Call, write: (elements: () => number) => void) => void;

/**
 * Opens a stream that goes on over lost connections.
 *
 * @param start starts the call, or what `tail` says
 * @param name the procedure's
 * @param id the stream that is to go on; undefined for a new one
 */
export type ResumePart = (start: (sink: CallSink, tail?: Tail) => Call, name: string, id?: string) => unknown;

/** Prepares a call, before it is started, to be started again when no answer came. */
export type RetryPart = (call: Call, transport: Transport, environment: Environment) => void;

/** The name of what is no event, but word that some are missing. No model is called that. */
export const GAP = "";

/**
 * Keeps events whole over lost connections.
 *
 * @param deliver hands on an event; one that is named {@link GAP} says that events are missing and cannot be had any more
 * @param lost there is a hole: connect again, and recover
 */
export type RecoveryPart = (
  deliver: (name: string, value: unknown) => void,
  lost: () => void,
) => {
  /** Takes an event, or word of where a topic stands. */
  (message: readonly unknown[]): void;
  /** For hello. */
  readonly positions: object;
};

/**
 * A stream from the client: an async generator, an array or another iterable, the body of a `Response`. Of bytes, also a
 * `Blob` or `File`. A string is none, although it could be iterated.
 */
export type Upload<T> =
  | AsyncIterable<T>
  | (Iterable<T> & object)
  | ReadableStream<T>
  | (Uint8Array extends T ? Blob : never);
