"use client";

/**
 * `@fusewire/client/react`: the connection, events and streams as hooks. They render what is there, follow it from when
 * the component is mounted, and let go of it when the component is unmounted: a stream is then cancelled in Python too.
 * The client must be the same at every render, as the one of a module or of a context is; `client.with({ timeout })` of it
 * counts as the same.
 *
 * On a server nothing is opened.
 *
 * @module
 */
import { useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import type { Status, StatusStore } from "../connection/status.js";
import type { Stream } from "../stream.js";
import {
  type EventLog,
  type EventLogOptions,
  type HasEvents,
  listen,
  NO_EVENTS,
  observeEvents,
} from "../ui/events.js";
import { keyOf } from "../ui/keys.js";
import type { Observable } from "../ui/observable.js";
import { originOf } from "../ui/origin.js";
import { IDLE_STATUS, observeStatus } from "../ui/status.js";
import { createStreamRunner, IDLE_STREAM, type StreamLog, type StreamLogOptions } from "../ui/stream.js";

export type { EventLog, EventLogOptions, StreamLog, StreamLogOptions };

/** A stream for a component. */
export interface StreamHandle<Args extends readonly unknown[], T> extends StreamLog<T> {
  /** Calls the procedure. A stream that runs is stopped first, and its items are forgotten. */
  readonly start: (...args: Args) => void;
  /** Cancels the call in Python. What came is kept. */
  readonly stop: () => void;
}

/** The state of the connection. It does not connect. */
export function useStatus({ status }: { readonly status: StatusStore }): Status {
  return useObservable(
    useMemo(() => observeStatus({ status }), [status]),
    IDLE_STATUS,
  );
}

/** The events of that name since the component was mounted. */
export function useEvents<Events extends object, Name extends keyof Events & string>(
  client: HasEvents<Events>,
  name: Name,
  { limit }: EventLogOptions = {},
): EventLog<Events[Name]> {
  return useObservable(
    // A client has one status, whatever `with` makes of it.
    useMemo(() => observeEvents(client, name, { limit }), [client.status, name, limit]),
    NO_EVENTS,
  );
}

/** Calls `handler`, the one of the last render, for every event of that name while the component is mounted. */
export function useEvent<Events extends object, Name extends keyof Events & string>(
  client: HasEvents<Events>,
  name: Name,
  handler: (payload: Events[Name]) => void,
): void {
  const latest = useRef(handler);
  useEffect(() => {
    latest.current = handler;
  });
  useEffect(() => listen(client, name, (payload) => latest.current(payload)), [client.status, name]);
}

/**
 * A stream. With `args` it starts when the component is mounted, and again when they are others (compared by value);
 * without, `start()` starts it. It is cancelled by `stop()`, by other arguments and when the component is unmounted.
 *
 * @param method a streaming procedure of the client, for instance `client.chat`
 */
export function useStream<Args extends readonly unknown[], T>(
  method: (...args: Args) => Stream<T, string>,
  args?: NoInfer<Args> | null,
  { limit }: StreamLogOptions = {},
): StreamHandle<Args, T> {
  const runner = useMemo(() => createStreamRunner<T>({ limit }), [limit]);
  // The same procedure of the same client, with the same options, is the same method.
  const [scope, , bind] = originOf(method) ?? [{}, "", method];
  const start = useMemo(
    () =>
      (...values: Args): void =>
        runner.start(() => method(...values)),
    [runner, bind, scope.timeout, scope.signal],
  );
  const key = args ? JSON.stringify(keyOf(args)) : undefined;
  // The arguments are compared by value, which `key` is.
  useEffect(() => {
    let isMounted = true;
    // A microtask later: StrictMode unmounts and mounts at once, and Python need not see that.
    if (args) queueMicrotask(() => isMounted && start(...args));
    return () => {
      isMounted = false;
      runner.stop();
    };
  }, [runner, start, key]);
  return { ...useObservable(runner, IDLE_STREAM), start, stop: runner.stop };
}

function useObservable<State>({ subscribe, get }: Observable<State>, onServer: State): State {
  return useSyncExternalStore(subscribe, get, () => onServer);
}
