/**
 * `@fusewire/client/svelte`: the connection, events and streams for Svelte 5. What these functions return is reactive
 * where it is read in a template, in `$derived` or in `$effect`. Events are listened for, and streams run, as long as
 * something reads them: a component that goes away takes its streams along, in Python too. Read the properties from the
 * object; taken apart they are only what they were at that moment.
 *
 * On a server nothing is opened.
 *
 * @module
 */
import { createSubscriber } from "svelte/reactivity";
import type { Status, StatusStore } from "../connection/status.js";
import type { Stream } from "../stream.js";
import { type EventLog, type EventLogOptions, type HasEvents, observeEvents } from "../ui/events.js";
import { observeStatus } from "../ui/status.js";
import { createStreamRunner, type StreamLog, type StreamLogOptions } from "../ui/stream.js";

export type { EventLog, EventLogOptions, StreamLog, StreamLogOptions };

/** A stream for a page. */
export interface StreamHandle<Args extends readonly unknown[], T> extends StreamLog<T> {
  /** Calls the procedure. A stream that runs is stopped first, and its items are forgotten. */
  start(...args: Args): void;
  /** Cancels the call in Python. What came is kept. */
  stop(): void;
}

/** The state of the connection. Reading it does not connect. */
export function useStatus(client: { readonly status: StatusStore }): Status {
  const status = observeStatus(client);
  const subscribe = createSubscriber(status.subscribe);
  return reactive(() => {
    subscribe();
    return status.get();
  }, ["state", "code", "reason", "attempt"]);
}

/**
 * The events of that name, from when they are first read until nothing reads them any more. To do something for each
 * event, `$effect(() => client.on(name, handler))`.
 */
export function useEvents<Events extends object, Name extends keyof Events & string>(
  client: HasEvents<Events>,
  name: Name,
  options?: EventLogOptions,
): EventLog<Events[Name]> {
  const events = observeEvents(client, name, options);
  const subscribe = createSubscriber(events.subscribe);
  return reactive(() => {
    subscribe();
    return events.get();
  }, ["items", "latest"]);
}

/**
 * A stream. With `args` it starts when it is first read; for arguments that change, `$derived(useStream(client.log,
 * [name]))`. Without, `start()` starts it. It is cancelled by `stop()`, and when nothing reads it any more.
 *
 * @param method a streaming procedure of the client, for instance `client.chat`
 */
export function useStream<Args extends readonly unknown[], T>(
  method: (...args: Args) => Stream<T, string>,
  args?: NoInfer<Args> | null,
  options?: StreamLogOptions,
): StreamHandle<Args, T> {
  const runner = createStreamRunner<T>(options);
  const start = (...values: Args): void => runner.start(() => method(...values));
  const subscribe = createSubscriber((update) => {
    // First: nobody needs to be told of what he is just about to read.
    if (args) start(...args);
    const unsubscribe = runner.subscribe(update);
    return () => {
      unsubscribe();
      runner.stop();
    };
  });
  const log = reactive(() => {
    subscribe();
    return runner.get();
  }, ["items", "count", "state", "error"]);
  return Object.assign(log, { start, stop: runner.stop });
}

/** An object whose properties are read from `get()` each time. */
function reactive<State extends object>(get: () => State, keys: readonly (keyof State)[]): State {
  const view = {} as State;
  for (const key of keys) Object.defineProperty(view, key, { enumerable: true, get: () => get()[key] });
  return view;
}
