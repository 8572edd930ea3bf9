import { RpcError } from "./errors.js";
import type { CallRequest, CallSink, Environment, RunningCall, Transport } from "./ports.js";

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

export interface CallOptions {
  readonly signal: AbortSignal | undefined;
  readonly environment: Environment;
  readonly onSettled: (info: CallInfo) => void;
}

const NOT_RUNNING: RunningCall = { cancel: () => undefined, credit: () => undefined };

/**
 * Starts a call on any transport, and adds what is the same on all of them: the abort signal, the client's own deadline
 * and the report at the end. The sink hears exactly one `done` or `fail`, unless its reader cancels.
 */
export function startCall(
  transport: Transport,
  request: CallRequest,
  sink: CallSink,
  options: CallOptions,
): RunningCall {
  const { signal } = options;
  if (signal?.aborted) {
    sink.fail(signal.reason);
    return NOT_RUNNING;
  }
  const guarded = new GuardedCall(transport, request, sink, options);
  guarded.start();
  return guarded;
}

class GuardedCall implements CallSink, RunningCall {
  private running: RunningCall = NOT_RUNNING;
  private readonly startedAt: number;
  private timer: unknown;
  private items = 0;
  private wasSent = false;
  private settled = false;
  private cancelled = false;
  private readonly aborted = (): void => this.cancel(this.options.signal?.reason);

  constructor(
    private readonly transport: Transport,
    private readonly request: CallRequest,
    private readonly sink: CallSink,
    private readonly options: CallOptions,
  ) {
    this.startedAt = options.environment.now();
  }

  start(): void {
    const { timeoutMs } = this.request;
    if (timeoutMs > 0) this.arm(timeoutMs, () => this.late());
    this.options.signal?.addEventListener("abort", this.aborted);
    try {
      this.running = this.transport.start(this.request, this);
    } catch (error) {
      this.fail(error);
    }
  }

  sent(window: { readonly items: number; readonly bytes: number }): void {
    this.wasSent = true;
    this.sink.sent(window);
  }

  item(value: unknown, bytes: number): void {
    this.items++;
    this.sink.item(value, bytes);
  }

  done(value: unknown): void {
    if (this.settle(undefined)) this.sink.done(value);
  }

  fail(error: unknown): void {
    if (this.settle(error)) this.sink.fail(error, this.cancelled);
  }

  cancel(error: unknown): void {
    this.cancelled = true;
    this.running.cancel(error);
    // The transport has told us already, unless the call was over or never began.
    this.fail(error);
  }

  credit(items: number, bytes: number): void {
    this.running.credit(items, bytes);
  }

  /** The deadline has passed. A call that was sent gets the grace, so that the server's own answer can arrive. */
  private late(): void {
    if (this.wasSent) this.arm(DEADLINE_GRACE_MS, () => this.expire());
    else this.expire();
  }

  private expire(): void {
    const detail = `${this.request.name} did not answer within ${this.request.timeoutMs} ms`;
    this.cancel(new RpcError("DEADLINE_EXCEEDED", { status: 504, detail, maybeExecuted: this.wasSent }));
  }

  private arm(ms: number, run: () => void): void {
    this.timer = this.options.environment.setTimeout(run, Math.min(ms, MAX_TIMER_MS));
  }

  /** @param error how the call failed; undefined for one that ended well, or whose reader left */
  private settle(error: unknown): boolean {
    if (this.settled) return false;
    this.settled = true;
    const { environment, signal, onSettled } = this.options;
    environment.clearTimeout(this.timer);
    signal?.removeEventListener("abort", this.aborted);
    const durationMs = environment.now() - this.startedAt;
    const { name, procedure } = this.request;
    const stream = procedure.stream === true;
    const info = { name, transport: this.transport.name, stream, durationMs, items: this.items };
    onSettled(error === undefined ? info : { ...info, error });
    return true;
  }
}
