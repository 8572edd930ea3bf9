import type { FuseClient } from "../client.js";
import type { StatusStore } from "../connection/status.js";
import { createWatchers, type Observable } from "./observable.js";

/** How many events a list keeps when nothing else is said. */
export const DEFAULT_EVENT_LIMIT = 100;

/** A client of the generated file, whose events are `Events`. Told by `with`, the one member that names them all. */
export interface HasEvents<Events extends object> {
  readonly status: StatusStore;
  with(options: object): FuseClient<object, Events>;
}

/** The events that came while somebody was watching. */
export interface EventLog<T> {
  /** In the order in which they came; the last ones, up to the limit. */
  readonly items: readonly T[];
  /** The last one. */
  readonly latest: T | undefined;
}

export interface EventLogOptions {
  /** How many events are kept; an older one goes for each that is one too many. Default 100. */
  readonly limit?: number | undefined;
}

export const NO_EVENTS: EventLog<never> = { items: [], latest: undefined };

/** Collects the events of that name. Watching it connects. */
export function observeEvents<Events extends object, Name extends keyof Events & string>(
  client: HasEvents<Events>,
  name: Name,
  { limit = DEFAULT_EVENT_LIMIT }: EventLogOptions = {},
): Observable<EventLog<Events[Name]>> {
  let log: EventLog<Events[Name]> = NO_EVENTS;
  const watchers = createWatchers(() =>
    listen(client, name, (latest) => {
      log = { items: [...log.items, latest].slice(-limit), latest };
      watchers.tell();
    }),
  );
  return { subscribe: watchers.subscribe, get: () => log };
}

/** `client.on`, of a client that is known by its events alone. */
export function listen<Events extends object, Name extends keyof Events & string>(
  client: HasEvents<Events>,
  name: Name,
  handler: (payload: Events[Name]) => void,
): () => void {
  return (client as FuseClient<object, Events>).on(name, handler);
}
