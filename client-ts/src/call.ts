import { failure } from "./errors.js";
import type { Call, CallRequest, CallSink, Environment, Transport } from "./ports.js";

/** How long after the wire's deadline the client stops waiting for the server to say so, in milliseconds. */
export const DEADLINE_GRACE_MS = 500;
/** What timers can hold; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** Later than any clock will show. */
const NEVER = 2 ** 53;

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

/** The calls of one client that are not settled. */
export interface Calls {
  /** Starts a call. The sink hears exactly one `done` or `fail`, unless its reader cancels. */
  start(transport: Transport, request: CallRequest, sink: CallSink, signal: AbortSignal | undefined): Call;
  /** @param errorOf the error of a call, by whether it may have been executed */
  cancelAll(errorOf: (maybeExecuted: boolean) => unknown): void;
}

/**
 * Adds to calls what is the same on every transport: the abort signal, the client's own deadline and the report at the
 * end.
 */
export function createCalls(
  { now, setTimeout, clearTimeout }: Environment,
  onSettled: ((info: CallInfo) => void) | undefined,
): Calls {
  const open = new Set<Call>();
  /** One timer for all, set for the earliest deadline. */
  let timer: unknown;
  let dueAt = NEVER;

  /** A call that was sent gets the grace, so that the server's own answer can arrive. */
  function deadlineOf({ request: { timeoutMs }, startedAt, window }: Call): number {
    return timeoutMs > 0 ? startedAt + timeoutMs + (window ? DEADLINE_GRACE_MS : 0) : NEVER;
  }

  /** Calls of one timeout expire in the order in which they are made, so that this rarely sets a timer. */
  function watch(call: Call): void {
    const deadline = deadlineOf(call);
    if (deadline >= dueAt) return;
    dueAt = deadline;
    clearTimeout(timer);
    timer = setTimeout(expire, Math.min(deadline - now(), MAX_TIMER_MS));
  }

  function expire(): void {
    dueAt = NEVER;
    for (const call of open) {
      const { name, timeoutMs } = call.request;
      const detail = `${name} did not answer within ${timeoutMs} ms`;
      if (deadlineOf(call) > now()) watch(call);
      else call.cancel(failure("DEADLINE_EXCEEDED", 504, detail, !!call.window));
    }
  }

  return {
    start(transport, request, sink, signal) {
      const stream = request.procedure.stream === true;
      let items = 0;

      /** @param error how the call failed; undefined for one that ended well, or whose reader left */
      const settle = (error?: unknown): boolean => {
        if (!open.delete(call)) return false;
        call.settled = true;
        signal?.removeEventListener("abort", aborted);
        call.stop?.();
        if (open.size === 0) {
          // With nothing to wait for, a timer must not keep a process alive.
          clearTimeout(timer);
          dueAt = NEVER;
        }
        onSettled?.({
          name: request.name,
          transport: transport.name,
          stream,
          durationMs: now() - call.startedAt,
          items,
          ...(error !== undefined && { error }),
        });
        return true;
      };
      const fail = (error: unknown, atOnce?: boolean): void => {
        if (settle(error)) sink.fail(error, atOnce);
      };
      const call: Call = {
        id: 0,
        link: undefined,
        window: undefined,
        tail: undefined,
        settled: false,
        lane: stream ? 1 : 0,
        startedAt: now(),
        request,
        item(value, bytes) {
          items++;
          sink.item?.(value, bytes);
        },
        done(value) {
          if (settle()) sink.done(value);
        },
        fail,
        cancel(error) {
          if (call.settled) return;
          transport.cancel?.(call);
          fail(error, true);
        },
      };
      const aborted = (): void => call.cancel(signal?.reason);

      open.add(call);
      if (signal?.aborted) fail(signal.reason);
      else {
        signal?.addEventListener("abort", aborted);
        watch(call);
        try {
          transport.start(call);
        } catch (error) {
          fail(error);
        }
      }
      return call;
    },
    cancelAll(errorOf) {
      for (const call of open) call.cancel(errorOf(!!call.window));
    },
  };
}
