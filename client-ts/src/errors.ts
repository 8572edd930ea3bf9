import type { ErrorMessage } from "./wire/messages.js";

/** What an {@link RpcError} is made of, besides its code. */
export interface RpcErrorFields<Data = unknown> {
  readonly status?: number | undefined;
  readonly detail?: unknown;
  readonly data?: Data | undefined;
  readonly id?: string | undefined;
  readonly maybeExecuted?: boolean | undefined;
  readonly cause?: unknown;
}

/**
 * How a call fails: the server's answer (PROTOCOL §5), or what the client found out by itself: `CONNECTION_LOST`,
 * `DEADLINE_EXCEEDED`, `TOO_LARGE` and `TOO_MANY_CALLS`.
 */
export class RpcError<Code extends string = string, Data = unknown> extends Error {
  /** The error's name on every transport, for instance `BUDGET_SPENT`. */
  declare readonly code: Code;
  /** The HTTP status that says the same. */
  declare readonly status: number;
  /** A text for people, or FastAPI's list of `{type, loc, msg}` when an argument does not fit. */
  declare readonly detail: unknown;
  /** What the declared error carries. */
  declare readonly data: Data;
  /** Where to look in the server's log, for `INTERNAL`. */
  declare readonly id: string | undefined;
  /** True when no answer came to a call, or one attempt at it, that had been handed to a connected socket: it may have run. */
  declare readonly maybeExecuted: boolean;

  constructor(code: Code, fields: RpcErrorFields<Data> = {}) {
    const { status = 500, detail, data, id, maybeExecuted = false, cause } = fields;
    super(messageOf(code, detail), cause === undefined ? {} : { cause });
    Object.assign(this, { name: "RpcError", code, status, detail, data, id, maybeExecuted });
  }
}

function messageOf(code: string, detail: unknown): string {
  if (typeof detail === "string") return detail;
  const { msg, loc } = Object(detail)[0] ?? {};
  if (msg === undefined) return code;
  return `${code}: ${msg}${Array.isArray(loc) ? ` (${loc.join(".")})` : ""}`;
}

/** Whether `error` is an {@link RpcError} of that code. The generated `isError` narrows its `data` too. */
export function matchesError<Code extends string>(error: unknown, code: Code): error is RpcError<Code> {
  return error instanceof RpcError && error.code === code;
}

/** What the client finds out by itself. */
export function failure(
  code: string,
  status: number,
  detail: string,
  maybeExecuted = false,
  cause?: unknown,
): RpcError {
  return new RpcError(code, { status, detail, maybeExecuted, cause });
}

/** The connection ended, or could not be had, before the call was answered. */
export function connectionLost(detail: string, maybeExecuted: boolean, cause?: unknown): RpcError {
  return failure("CONNECTION_LOST", 503, detail, maybeExecuted, cause);
}

/** The wire's error as the caller sees it. */
export function toRpcError([, , status, code, detail, data, id]: ErrorMessage): RpcError {
  return new RpcError(code, { status, detail, data: data ?? undefined, id: id ?? undefined });
}
