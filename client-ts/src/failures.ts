import type { RpcError } from "./errors.js";

declare const codes: unique symbol;

/** What knows the codes of the errors that it declares. They are in its type alone. */
export interface Fails<Code extends string> {
  // In a tuple: `never | undefined` alone would let TypeScript infer any string.
  readonly [codes]?: readonly [Code];
}

/** The promise of a call, with the codes of the errors that its procedure declares. */
export interface Call<T, Code extends string = never> extends Promise<T>, Fails<Code> {}

/** Why an argument does not fit, as FastAPI says it. */
export interface ArgumentFault {
  /** Pydantic's name for it, for instance `string_too_short`. */
  readonly type: string;
  /** Where: the parameter, then the way to the value in it. */
  readonly loc: readonly (string | number)[];
  /** A sentence for people. */
  readonly msg: string;
}

/** The data of the errors that any call may end with, by code. Most have none. */
export interface StandardErrors {
  /** An argument does not fit its type; see `detail`. */
  INVALID_ARGUMENT: undefined;
  /** The server has no such procedure: it is older or newer than this client. */
  UNKNOWN_PROCEDURE: undefined;
  /** An identity is needed, or the one given was refused or has expired. */
  UNAUTHENTICATED: undefined;
  /** A scope is missing. */
  FORBIDDEN: undefined;
  /** Over HTTP: a page on a host that the server does not list sent a form. */
  ORIGIN_NOT_ALLOWED: undefined;
  /** The procedure's limit is spent. */
  RATE_LIMITED: {
    /** In seconds. */
    retry_after: number;
  };
  /** A message, a result or an item is over its bound. */
  TOO_LARGE: undefined;
  /** Too many calls are under way; this one was not started. */
  TOO_MANY_CALLS: undefined;
  /** The session is in as many rooms as one may be. */
  TOO_MANY_ROOMS: undefined;
  /** The connection has had other credentials since the call began; it joined no room. */
  IDENTITY_CHANGED: undefined;
  /** A room was to be joined or left over HTTP, where there is no session to be in one. */
  NO_SESSION: undefined;
  /** No answer came in time. */
  DEADLINE_EXCEEDED: undefined;
  /** The call was cancelled, for instance by an AbortSignal. */
  CANCELLED: undefined;
  /** A message that the server cannot read. */
  MALFORMED: undefined;
  /** The call was not started, for instance because the server is draining. */
  UNAVAILABLE: undefined;
  /** The key of this call was used for one with other arguments; this one was not started. */
  KEY_REUSED: undefined;
  /** A call with this key was begun before and did not come to its end; it is not executed again. */
  OUTCOME_UNKNOWN: undefined;
  /** The call with this key was executed; its result was too large to be kept. */
  RESULT_NOT_KEPT: undefined;
  /** There is no such stream to go on with, not any more, or it is somebody else's. */
  STREAM_UNKNOWN: undefined;
  /** The rest of a stream cannot be had any more. */
  STREAM_LOST: undefined;
  /** Another reader goes on with the stream. */
  STREAM_TAKEN_OVER: undefined;
  /** A result, an item or an error's data that cannot be sent exactly; `id` is in the server's log. */
  UNENCODABLE: undefined;
  /** An exception that Python did not declare; `id` is in the server's log. */
  INTERNAL: undefined;
  /** The connection ended, or could not be had, before the answer; see `maybeExecuted`. */
  CONNECTION_LOST: undefined;
  /** Of `client.events()`: too many events wait for their reader. */
  EVENTS_OVERFLOW: undefined;
  /** Of `safe()`: anything else that was thrown, for instance for an argument that cannot be sent; see `cause`. */
  CLIENT_ERROR: undefined;
  /** An `HTTPException` of that status, as the next ones. */
  BAD_REQUEST: undefined;
  NOT_FOUND: undefined;
  METHOD_NOT_ALLOWED: undefined;
  CONFLICT: undefined;
  GONE: undefined;
  UNSUPPORTED_MEDIA_TYPE: undefined;
  /** An `HTTPException` of any other status. */
  [status: `HTTP_${number}`]: undefined;
}

/** `INVALID_ARGUMENT`: what does not fit, and where. */
export interface InvalidArgument extends RpcError<"INVALID_ARGUMENT", undefined> {
  readonly detail: readonly ArgumentFault[];
}

/** The codes that an app knows: those that it declares, and the standard ones. */
export type CodeOf<Errors extends object> = (keyof Errors & string) | keyof StandardErrors;

/** The error of a code. What an app declares itself counts before the standard error of the same code. */
export type ErrorOf<Errors extends object, Code extends string> = Code extends keyof Errors
  ? RpcError<Code, Errors[Code]>
  : Code extends "INVALID_ARGUMENT"
    ? InvalidArgument
    : Code extends keyof StandardErrors
      ? RpcError<Code, StandardErrors[Code]>
      : RpcError<Code>;

/** Any of the errors that no procedure has to declare; `code` tells them apart. */
export type StandardError = ErrorOf<Record<never, never>, keyof StandardErrors>;

/** How a call of a procedure that declares these codes may fail; `code` tells the errors apart. */
export type Failure<Errors extends object, Code extends string> =
  | ErrorOf<Errors, Code>
  | Exclude<StandardError, { code: Code }>;

/** What came of a call, or the next item of a stream: the data, or an error. */
export type Outcome<T, E extends RpcError = RpcError> =
  | { readonly data: T; readonly error: undefined }
  | { readonly data: undefined; readonly error: E };

/** The type of a generated `safe`. */
export interface Safe<Errors extends object> {
  /**
   * The items of a stream as `{ data, error }`. A failed stream ends with one that has an `error`; nothing is thrown.
   *
   * @example for await (const { data, error } of safe(client.chat("hi"))) …
   */
  <T, Code extends string = never>(
    stream: AsyncIterable<T> & Fails<Code>,
  ): AsyncIterableIterator<Outcome<T, Failure<Errors, Code>>, undefined>;
  /**
   * The outcome of a call as `{ data, error }`: it never rejects, and `error.code` tells the declared errors and the
   * standard ones apart.
   *
   * @example const { data, error } = await safe(client.add(1, 2));
   */
  <T, Code extends string = never>(
    call: PromiseLike<T> & Fails<Code>,
  ): Promise<Outcome<T, Failure<Errors, Code>>>;
}
