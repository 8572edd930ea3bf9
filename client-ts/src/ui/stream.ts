import type { StreamReader } from "../stream.js";
import { createWatchers, type Observable } from "./observable.js";

/** How many items of a stream are kept when nothing else is said. */
export const DEFAULT_STREAM_LIMIT = 10_000;

/** A stream so far. */
export interface StreamLog<T> {
  /** In order; the last ones, up to the limit. */
  readonly items: readonly T[];
  /** How many came, kept or not. */
  readonly count: number;
  /** `done`: it came to its end. `stopped`: by `stop()`, or because nobody watched any more. `failed`: see `error`. */
  readonly state: "idle" | "streaming" | "done" | "stopped" | "failed";
  /** What it failed with; undefined in every other state. */
  readonly error: unknown;
}

export interface StreamLogOptions {
  /** How many items are kept; the oldest go first. Default 10,000. */
  readonly limit?: number | undefined;
}

/** One stream at a time, read as fast as it comes. */
export interface StreamRunner<T> extends Observable<StreamLog<T>> {
  /** Stops the stream that runs, forgets its items and reads the one that `open` opens. */
  start(open: () => StreamReader<T, string>): void;
  /** Cancels the call in Python. What came is kept. */
  stop(): void;
}

export const IDLE_STREAM: StreamLog<never> = { items: [], count: 0, state: "idle", error: undefined };

export function createStreamRunner<T>({
  limit = DEFAULT_STREAM_LIMIT,
}: StreamLogOptions = {}): StreamRunner<T> {
  const watchers = createWatchers();
  let running: StreamReader<T, string> | undefined;
  let log: StreamLog<T> = IDLE_STREAM;
  /** What came since `log` was made. */
  let fresh: T[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  /** Puts together what came, so that a frame of many items is one change and one copy. */
  function collect(): StreamLog<T> {
    if (fresh.length > 0) {
      log = { ...log, items: [...log.items, ...fresh].slice(-limit), count: log.count + fresh.length };
      fresh = [];
    }
    return log;
  }

  function tell(): void {
    clearTimeout(timer);
    timer = undefined;
    watchers.tell();
  }

  function enter(state: StreamLog<T>["state"], error?: unknown): void {
    log = { ...collect(), state, error };
    tell();
  }

  async function read(stream: StreamReader<T, string>): Promise<void> {
    try {
      for await (const item of stream) {
        if (stream !== running) return;
        fresh.push(item);
        // A task and not a microtask: by then all items of a frame are here.
        timer ??= setTimeout(tell);
      }
      if (stream === running) end("done");
    } catch (error) {
      if (stream === running) end("failed", error);
    }
  }

  function end(state: StreamLog<T>["state"], error?: unknown): void {
    running = undefined;
    enter(state, error);
  }

  function stop(): void {
    if (running === undefined) return;
    running.close();
    end("stopped");
  }

  return {
    subscribe: watchers.subscribe,
    get: collect,
    start(open) {
      running?.close();
      fresh = [];
      log = IDLE_STREAM;
      running = open();
      void read(running);
      enter("streaming");
    },
    stop,
  };
}
