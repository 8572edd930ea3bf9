import { failure } from "./errors.js";
import { tell } from "./hooks.js";
import { createQueue } from "./queue.js";

/** How many events wait for the reader of `events()`; one more ends it with `EVENTS_OVERFLOW`. */
export const MAX_BUFFERED_EVENTS = 1_024;

type Handler = (value: unknown) => void;

/** The event listeners of one client. */
export interface Listeners {
  on(name: string, handler: Handler): () => void;
  off(name: string, handler: Handler): void;
  events(name: string, signal: AbortSignal | undefined): AsyncIterableIterator<unknown, undefined>;
  /** Calls every handler; one that throws disturbs neither the others nor the connection. */
  emit(name: string, value: unknown): void;
  /** No more events will come: ends what waits for one. Handlers stay, for a connection that is restarted. */
  fail(error: unknown): void;
}

export function createListeners(onError: (error: unknown) => void): Listeners {
  const handlers = new Map<string, Set<Handler>>();
  /** Ends those who wait for something that may never come now. */
  const waiting = new Set<(error: unknown) => void>();

  const off = (name: string, handler: Handler): void => {
    handlers.get(name)?.delete(handler);
  };
  const on = (name: string, handler: Handler): (() => void) => {
    handlers.set(name, (handlers.get(name) ?? new Set()).add(handler));
    return () => off(name, handler);
  };

  return {
    on,
    off,
    events(name, signal) {
      const leave = (): void => {
        unlisten();
        waiting.delete(fail);
        signal?.removeEventListener("abort", aborted);
      };
      const queue = createQueue<unknown>(leave);
      const fail = (error: unknown, atOnce?: boolean): void => {
        leave();
        queue.fail(error, atOnce);
      };
      const aborted = (): void => fail(signal?.reason, true);
      const unlisten = on(name, (value) => {
        if (queue.size() < MAX_BUFFERED_EVENTS) queue.push(value);
        else fail(failure("EVENTS_OVERFLOW", 429, `${MAX_BUFFERED_EVENTS} ${name} events wait`));
      });
      waiting.add(fail);
      signal?.addEventListener("abort", aborted);
      if (signal?.aborted) aborted();
      return queue.reader;
    },
    emit(name, value) {
      tell(handlers.get(name) ?? [], value, onError);
    },
    fail(error) {
      for (const fail of [...waiting]) fail(error);
    },
  };
}
