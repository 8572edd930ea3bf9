import { failure } from "./errors.js";
import type { Call, CallRequest, CallSink, Environment, Transport } from "./ports.js";

/** How long after the wire's deadline the client stops waiting for the server to say so, in milliseconds. */
export const DEADLINE_GRACE_MS = 500;
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
  /** How it failed; undefined when it did not. */
  readonly error: unknown;
}

/** The calls of one client that are not settled. */
export interface Calls {
  /** Starts a call. The sink hears exactly one `done` or `fail`, unless its reader cancels. */
  start(transport: Transport, request: CallRequest, sink: CallSink, signal: AbortSignal | undefined): Call;
  /**
   * Ends all, and every later one.
   *
   * @param errorOf the error of a call, by whether it may have been executed
   */
  end(errorOf: (maybeExecuted: boolean) => unknown): void;
}

/**
 * Adds to calls what is the same on every transport: the abort signal, the client's own deadline and the report at the
 * end.
 */
export function createCalls(
  environment: Environment,
  onSettled: ((info: CallInfo) => void) | undefined,
): Calls {
  const { now, setTimeout, clearTimeout } = environment;
  const open = new Set<Call>();
  let ended: unknown;
  /** One timer for all, set for the earliest deadline. */
  let timer: unknown;
  let dueAt = NEVER;

  /** A call that was sent gets the grace, so that the server's own answer can arrive. */
  function deadlineOf({ timeoutMs, startedAt, link }: Call): number {
    return timeoutMs ? startedAt + timeoutMs + (link ? DEADLINE_GRACE_MS : 0) : NEVER;
  }

  /** Calls of one timeout expire in the order in which they are made, so that this rarely sets a timer. */
  function watch(call: Call): void {
    const deadline = deadlineOf(call);
    if (deadline >= dueAt) return;
    dueAt = deadline;
    clearTimeout(timer);
    timer = setTimeout(expire, deadline - now());
  }

  function expire(): void {
    dueAt = NEVER;
    for (const call of open) {
      const { name, timeoutMs, link } = call;
      const detail = `${name}: no ${link ? "answer" : "connection"} in ${timeoutMs} ms`;
      if (deadlineOf(call) > now()) watch(call);
      else call.cancel(failure("DEADLINE_EXCEEDED", 504, detail, !!link));
    }
  }

  return {
    start(transport, { name, procedure, values, timeoutMs, tail }, sink, signal) {
      const { stream = false } = procedure;
      let items = 0;

      /** @param error how the call failed; undefined for one that ended well, or whose reader left */
      const settle = (error?: unknown): boolean => {
        if (!open.delete(call)) return false;
        call.settled = true;
        signal?.removeEventListener("abort", aborted);
        call.stop?.();
        if (!open.size) {
          // With nothing to wait for, a timer must not keep a process alive.
          clearTimeout(timer);
          dueAt = NEVER;
        }
        onSettled?.({
          name,
          transport: transport.name,
          stream,
          durationMs: now() - call.startedAt,
          items,
          error,
        });
        return true;
      };
      const call: Call = {
        // Not by spread, which takes V8 longer than all the rest of a call.
        name,
        procedure,
        values,
        timeoutMs,
        tail,
        id: 0,
        settled: false,
        lane: stream ? 1 : 0,
        startedAt: now(),
        item(value, bytes) {
          items++;
          sink.item?.(value, bytes);
        },
        done(value) {
          if (settle()) sink.done(value);
        },
        fail(error, atOnce) {
          if (settle(error)) sink.fail(error, atOnce);
        },
        cancel(error) {
          if (call.settled) return;
          transport.cancel?.(call);
          call.fail(error, true);
        },
      };
      const aborted = (): void => call.cancel(signal?.reason);

      open.add(call);
      if (signal?.aborted) aborted();
      else {
        signal?.addEventListener("abort", aborted);
        watch(call);
        try {
          if (ended) throw ended;
          procedure.retry?.(call, transport, environment);
          transport.start(call);
        } catch (error) {
          call.fail(error);
        }
      }
      return call;
    },
    end(errorOf) {
      ended = errorOf(false);
      for (const call of open) call.cancel(errorOf(!!call.link));
    },
  };
}
