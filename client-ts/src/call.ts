import { failure } from "./errors.js";
import type { Call, CallRequest, CallSink, Environment, Grant, Tail, Transport, Window } from "./ports.js";

/** How long after the wire's deadline the client stops waiting for the server to say so, in milliseconds. */
export const DEADLINE_GRACE_MS = 500;
/** What timers can hold; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What `onCall` is told when a call has settled. */
export interface CallInfo {
  readonly name: string;
  readonly transport: "websocket" | "http";
  readonly stream: boolean;
  readonly durationMs: number;
  /** How many items a stream brought. */
  readonly items: number;
  /** How it failed; absent when it did not. */
  readonly error?: unknown;
}

/**
 * The calls of one client that are not settled. It adds to them what is the same on every transport: the abort signal,
 * the client's own deadline and the report at the end.
 */
export class Calls {
  private readonly open = new Set<OpenCall>();
  /** One timer for all: it is set for the earliest deadline. */
  private timer: unknown;
  private dueAt = Number.POSITIVE_INFINITY;

  constructor(
    readonly environment: Environment,
    readonly onSettled: ((info: CallInfo) => void) | undefined,
  ) {}

  start(transport: Transport, request: CallRequest, sink: CallSink, signal: AbortSignal | undefined): Call {
    const call = new OpenCall(this, transport, request, sink);
    this.open.add(call);
    if (signal?.aborted) call.fail(signal.reason);
    else {
      if (signal !== undefined) call.listen(signal);
      this.watch(call.dueAt);
      try {
        transport.start(call);
      } catch (error) {
        call.fail(error);
      }
    }
    return call;
  }

  /** @param errorOf the error of a call, by whether it may have been executed */
  cancelAll(errorOf: (maybeExecuted: boolean) => unknown): void {
    for (const call of this.open) call.cancel(errorOf(call.window !== undefined));
  }

  remove(call: OpenCall): void {
    this.open.delete(call);
    if (this.open.size > 0) return;
    // With nothing to wait for, a timer must not keep a process alive.
    this.environment.clearTimeout(this.timer);
    this.dueAt = Number.POSITIVE_INFINITY;
  }

  /** Calls of one timeout expire in the order in which they are made, so that this rarely sets a timer. */
  private watch(dueAt: number): void {
    if (dueAt >= this.dueAt) return;
    const { environment } = this;
    this.dueAt = dueAt;
    environment.clearTimeout(this.timer);
    this.timer = environment.setTimeout(
      () => this.expire(),
      Math.min(dueAt - environment.now(), MAX_TIMER_MS),
    );
  }

  private expire(): void {
    const now = this.environment.now();
    this.dueAt = Number.POSITIVE_INFINITY;
    for (const call of this.open) {
      if (call.dueAt <= now) call.expire();
      else this.watch(call.dueAt);
    }
  }
}

class OpenCall implements Call {
  id = 0;
  link: unknown = undefined;
  window: Window | undefined = undefined;
  tail: Tail | undefined = undefined;
  begin: ((window: Window) => void) | undefined = undefined;
  refill: Grant | undefined = undefined;
  grant: Grant | undefined = undefined;
  stop: (() => void) | undefined = undefined;
  settled = false;
  readonly lane: 0 | 1;
  readonly startedAt: number;
  private items = 0;
  private unlisten: (() => void) | undefined = undefined;

  constructor(
    private readonly calls: Calls,
    private readonly transport: Transport,
    readonly request: CallRequest,
    private readonly sink: CallSink,
  ) {
    this.lane = request.procedure.stream === true ? 1 : 0;
    this.startedAt = calls.environment.now();
  }

  /** A call that was sent gets the grace, so that the server's own answer can arrive. */
  get dueAt(): number {
    const { timeoutMs } = this.request;
    if (timeoutMs === 0) return Number.POSITIVE_INFINITY;
    return this.startedAt + timeoutMs + (this.window === undefined ? 0 : DEADLINE_GRACE_MS);
  }

  listen(signal: AbortSignal): void {
    const aborted = (): void => this.cancel(signal.reason);
    signal.addEventListener("abort", aborted);
    this.unlisten = () => signal.removeEventListener("abort", aborted);
  }

  item(value: unknown, bytes: number): void {
    this.items++;
    this.sink.item?.(value, bytes);
  }

  done(value: unknown): void {
    if (this.settle(undefined)) this.sink.done(value);
  }

  fail(error: unknown, atOnce?: boolean): void {
    if (this.settle(error)) this.sink.fail(error, atOnce);
  }

  cancel(error: unknown): void {
    if (this.settled) return;
    this.transport.cancel?.(this);
    this.fail(error, true);
  }

  expire(): void {
    const { name, timeoutMs } = this.request;
    const sent = this.window !== undefined;
    this.cancel(failure("DEADLINE_EXCEEDED", 504, `${name} did not answer within ${timeoutMs} ms`, sent));
  }

  /** @param error how the call failed; undefined for one that ended well, or whose reader left */
  private settle(error: unknown): boolean {
    if (this.settled) return false;
    this.settled = true;
    this.calls.remove(this);
    this.unlisten?.();
    this.stop?.();
    this.calls.onSettled?.(this.info(error));
    return true;
  }

  private info(error: unknown): CallInfo {
    const { request, transport, items } = this;
    return {
      name: request.name,
      transport: transport.name,
      stream: this.lane === 1,
      durationMs: this.calls.environment.now() - this.startedAt,
      items,
      ...(error !== undefined && { error }),
    };
  }
}
