import { byName } from "./arguments.js";
import { createCalls } from "./call.js";
import { receive } from "./connection/flights.js";
import type { Status, StatusStore } from "./connection/status.js";
import type { Descriptor } from "./descriptor.js";
import { connectionLost, failure, RpcError } from "./errors.js";
import { tell } from "./hooks.js";
import { createListeners } from "./listeners.js";
import { methodsOf, withScope } from "./methods.js";
import { type ConnectOptions, milliseconds, settle, socketUrl } from "./options.js";
import { type Call, type CallSink, GAP, type Procedure, type Tail, type Transport } from "./ports.js";
import { acquire } from "./shared.js";
import { openStream } from "./stream.js";
import type { HttpTools } from "./transports/tools.js";
import { decode, encode, isPlain } from "./wire/codec.js";
import { readMessages } from "./wire/frame.js";

/** What {@link ClientMembers.with} changes. */
export interface WithOptions {
  /** Ends the calls made through this client, with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** The deadline in milliseconds, of streams too; 0 is none. */
  readonly timeout?: number | undefined;
}

/** What every client has besides the procedures. */
export interface ClientMembers<Procedures extends object, Events extends object> {
  /** Calls `handler` for every event of that name, until the returned function is called. Connects. */
  on<Name extends keyof Events & string>(event: Name, handler: (payload: Events[Name]) => void): () => void;
  /** Undoes `on`. */
  off<Name extends keyof Events & string>(event: Name, handler: (payload: Events[Name]) => void): void;
  /** The next event of that name. Rejects if the connection ends for good, or with the reason of `with`'s signal. */
  once<Name extends keyof Events & string>(event: Name): Promise<Events[Name]>;
  /**
   * The events of that name from now on, until `break`. Up to 1,024 wait for the reader; one more ends the iteration
   * with an RpcError `EVENTS_OVERFLOW`.
   */
  events<Name extends keyof Events & string>(event: Name): AsyncIterableIterator<Events[Name], undefined>;
  /** The same client with a signal, a deadline, or both, for the calls made through it. */
  with(options: WithOptions): FuseClient<Procedures, Events>;
  /** The connection's state, with the reason for it; a store that can be subscribed to. */
  readonly status: StatusStore;
  /**
   * Ends this client: its calls fail with `CONNECTION_LOST`, now and later. The connection closes when no other client
   * uses it.
   */
  close(): void;
  /** Asks `auth` again and tells the server, after a login or a logout. Rejects if the new identity is refused. */
  reauthenticate(): Promise<void>;
}

/** A generated client: its procedures as methods, and {@link ClientMembers}. */
export type FuseClient<Procedures extends object, Events extends object> = Procedures &
  ClientMembers<Procedures, Events>;

/**
 * Makes a client for a generated descriptor. Nothing is opened before the first call or listener, and clients of one
 * URL share a connection.
 *
 * @throws nothing; calls of a procedure that cannot be reached reject
 */
export function createClient<Procedures extends object, Events extends object>(
  descriptor: Descriptor,
  options: ConnectOptions = {},
): FuseClient<Procedures, Events> {
  const { fetch, onCall, onGap, url, WebSocket = globalThis.location && globalThis.WebSocket } = options;
  const settings = settle(options);
  const { onError } = settings;
  const { api, ws, calls: hash } = descriptor;
  const listeners = createListeners(onError);
  listeners.on(GAP, onGap as (gap: unknown) => void);
  const calls = createCalls(settings.environment, onCall && ((info) => tell([onCall], info, onError)));
  const watchers = new Set<(status: Status) => void>();
  const known = new Set([hash]);
  const address = socketUrl(url, ws);
  const [connection, release] =
    WebSocket && address
      ? acquire(
          { ...settings, ...descriptor, url: address, WebSocket, listeners: new Set() },
          { event: listeners.emit, fail: listeners.fail, stale, status: tellStatus },
        )
      : [];
  let closed = false;

  /** Once for each contract that the client meets. */
  function stale(server: string | null | undefined): void {
    if (!server || known.has(server)) return;
    known.add(server);
    tell([options.onStale], { client: hash, server }, onError);
  }

  const http: Transport = {
    name: "http",
    start(call) {
      if (call.tail) throw NO_SOCKET;
      // Those of the moment when it was made, for every attempt.
      call.values = copy(call.values) as unknown[];
      descriptor.http().then(
        (part) => part.callOverHttp(call, { ...settings, url, api, fetch, stale }, TOOLS),
        // The module could not be loaded.
        (error: Error) => call.fail(connectionLost(error.message, false, error)),
      );
    },
  };

  function currentStatus(): Status {
    if (closed || !connection)
      return { state: "disconnected", code: closed ? "closed" : "http", reason: "", attempt: 0 };
    return connection.status();
  }

  function tellStatus(): void {
    tell(watchers, currentStatus(), onError);
  }

  const status = {
    subscribe(run: (status: Status) => void) {
      const watcher = (status: Status): void => run(status);
      watchers.add(watcher);
      run(currentStatus());
      return () => watchers.delete(watcher);
    },
  } as unknown as StatusStore;
  for (const key of Object.keys(currentStatus()) as (keyof Status)[])
    Object.defineProperty(status, key, { enumerable: true, get: () => currentStatus()[key] });

  function invoke(
    scope: WithOptions,
    name: string,
    procedure: Procedure,
    values: readonly unknown[],
    id?: string,
  ): unknown {
    const { stream } = procedure;
    const timeoutMs = milliseconds(scope.timeout ?? (stream ? 0 : settings.timeoutMs));
    const transport = procedure.via === "http" ? http : (connection ?? http);
    const start = (sink: CallSink, tail?: Tail): Call =>
      calls.start(transport, { name, procedure, values, timeoutMs, tail }, sink, scope.signal);
    if (stream) return procedure.resume ? procedure.resume(start, name, id) : openStream(start);
    return new Promise((done, fail) => start({ done, fail }));
  }

  /** Events are waited for: connect, or end it at once where none can come. */
  function eventsFor(scope: WithOptions, name: string): AsyncIterableIterator<unknown, undefined> {
    const events = listeners.events(name, scope.signal);
    connection?.want();
    const failure = closed ? closedError(false) : connection ? connection.failure() : NO_SOCKET;
    if (failure) listeners.fail(failure);
    return events;
  }

  function close(): void {
    if (closed) return;
    closed = true;
    calls.end(closedError);
    listeners.fail(closedError(false));
    release?.();
    tellStatus();
  }

  const methods = methodsOf(descriptor.procedures, invoke);

  /** The object that users hold. */
  function face(scope: WithOptions): object {
    const members: ClientMembers<object, Record<string, unknown>> = {
      on(name, handler) {
        connection?.want();
        return listeners.on(name, handler);
      },
      off: listeners.off,
      async once(name) {
        for await (const event of eventsFor(scope, name)) return event;
        return undefined;
      },
      events: (name) => eventsFor(scope, name),
      with: (options) => face({ ...scope, ...options }) as FuseClient<object, Record<string, unknown>>,
      status,
      close,
      reauthenticate: async () => connection?.reauthenticate(),
    };
    return Object.assign(withScope(methods, scope), members);
  }

  // The generated types and the descriptor come from one contract; this is where they meet.
  return face({}) as FuseClient<Procedures, Events>;
}

function closedError(maybeExecuted: boolean): Error {
  return connectionLost("the client was closed", maybeExecuted);
}

const TOOLS: HttpTools = { RpcError, byName, decode, encode, readMessages, receive };

/** As it is at this moment, as far as it can be changed without its own doing. */
function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copy);
  if (!isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copy(item)]));
}

const NO_SOCKET = /* @__PURE__ */ failure("UNAVAILABLE", 503, "needs a WebSocket");
