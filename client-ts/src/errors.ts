/** What an {@link RpcError} is made of, besides its code. */
export interface RpcErrorFields<Data = unknown> {
  readonly status?: number;
  readonly detail?: unknown;
  readonly data?: Data;
  readonly id?: string;
  readonly maybeExecuted?: boolean;
  readonly cause?: unknown;
}

/**
 * How a call fails: the server's answer (PROTOCOL §5), or what the client found out by itself: `CONNECTION_LOST`,
 * `DEADLINE_EXCEEDED`, `TOO_LARGE` and `TOO_MANY_CALLS`.
 */
export class RpcError<Code extends string = string, Data = unknown> extends Error {
  override readonly name = "RpcError";
  /** The error's name on every transport, for instance `BUDGET_SPENT`. */
  readonly code: Code;
  /** The HTTP status that says the same. */
  readonly status: number;
  /** A text for people, or FastAPI's list of `{type, loc, msg}` when an argument does not fit. */
  readonly detail: unknown;
  /** What the declared error carries. */
  readonly data: Data;
  /** Where to look in the server's log, for `INTERNAL`. */
  readonly id: string | undefined;
  /** True when no answer came to a call that had been handed to a connected socket: it may have run. */
  readonly maybeExecuted: boolean;

  constructor(code: Code, fields: RpcErrorFields<Data> = {}) {
    super(messageOf(code, fields.detail), fields.cause === undefined ? {} : { cause: fields.cause });
    this.code = code;
    this.status = fields.status ?? 500;
    this.detail = fields.detail;
    this.data = fields.data as Data;
    this.id = fields.id;
    this.maybeExecuted = fields.maybeExecuted ?? false;
  }
}

function messageOf(code: string, detail: unknown): string {
  if (typeof detail === "string") return detail;
  const first: unknown = Array.isArray(detail) ? detail[0] : undefined;
  if (typeof first !== "object" || first === null || !("msg" in first)) return code;
  const where = "loc" in first && Array.isArray(first.loc) ? ` (${first.loc.join(".")})` : "";
  return `${code}: ${String(first.msg)}${where}`;
}

/** Whether `error` is an {@link RpcError} of that code. */
export function matchesError<Code extends string>(error: unknown, code: Code): error is RpcError<Code> {
  return error instanceof RpcError && error.code === code;
}

/** The connection ended, or could not be had, before the call was answered. */
export function connectionLost(detail: string, maybeExecuted: boolean, cause?: unknown): RpcError {
  return new RpcError("CONNECTION_LOST", { status: 503, detail, maybeExecuted, cause });
}
