import { startCall } from "./call.js";
import type { Connection } from "./connection/shell.js";
import type { Status, StatusStore } from "./connection/status.js";
import { connectionLost, RpcError } from "./errors.js";
import { Listeners } from "./listeners.js";
import { defineMethods, toTree } from "./methods.js";
import { addresses, type ConnectOptions, isForeign, milliseconds, type Settings, settle } from "./options.js";
import type { CallRequest, CallSink, Descriptor, Procedure, Transport } from "./ports.js";
import { acquire } from "./shared.js";
import { AwaitableStream, StreamCore } from "./stream.js";
import { HttpTransport } from "./transports/http.js";

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
  const client = new ClientCore(descriptor, options).face({});
  // The generated types and the descriptor come from one contract; this is where they meet.
  return client as unknown as FuseClient<Procedures, Events>;
}

/** What the faces of one client (`with` makes more of them) have in common. */
class ClientCore {
  private readonly settings: Settings;
  private readonly listeners: Listeners;
  private readonly connection: Connection | undefined;
  private readonly http: HttpTransport;
  private readonly tree: ReturnType<typeof toTree>;
  private readonly release: () => void;
  private readonly status: StatusStore;
  private readonly watchers = new Set<(status: Status) => void>();
  private closed = false;

  constructor(descriptor: Descriptor, options: ConnectOptions) {
    this.settings = settle(options);
    this.listeners = new Listeners(this.settings.onError);
    this.tree = toTree(descriptor.procedures);
    const { ws, api } = addresses(options.url, descriptor.ws, descriptor.api);
    const credentials = isForeign(options.url) ? "include" : "same-origin";
    this.http = new HttpTransport({ ...this.settings, base: api, credentials });
    const { WebSocket } = this.settings;
    const shared = WebSocket && ws ? acquire(ws, descriptor.calls, WebSocket, this.settings) : undefined;
    this.connection = shared?.connection;
    const unlisten = this.connection?.listen({
      event: (name, value) => this.listeners.emit(name, value),
      stopped: (error) => this.listeners.fail(error),
      status: () => this.tellStatus(),
    });
    this.release = () => {
      unlisten?.();
      shared?.release();
    };
    this.status = this.makeStatus();
  }

  /** The object that users hold. */
  face(scope: WithOptions): ClientMembers<object, Record<string, unknown>> {
    const members: ClientMembers<object, Record<string, unknown>> = {
      on: (event, handler) => {
        this.connection?.want();
        return this.listeners.on(event, handler);
      },
      off: (event, handler) => this.listeners.off(event, handler),
      once: (event) => this.expecting(this.listeners.once(event, scope.signal)),
      events: (event) => this.expecting(this.listeners.events(event, scope.signal)),
      with: (options) => this.face({ ...scope, ...options }),
      status: this.status,
      close: () => this.close(),
      reauthenticate: async () => this.connection?.reauthenticate(),
    };
    return defineMethods(members, this.tree, (name, procedure, values) => {
      const unary = procedure.stream === true ? 0 : this.settings.timeoutMs;
      const timeoutMs = scope.timeout === undefined ? unary : milliseconds(scope.timeout);
      const request = { name, procedure, values, timeoutMs, owner: this };
      return procedure.stream === true ? this.stream(request, scope) : this.call(request, scope);
    });
  }

  /** `waiter` waits for events: connect, or end it at once where none can come. */
  private expecting<Waiter>(waiter: Waiter): Waiter {
    this.connection?.want();
    if (this.closed) this.listeners.fail(closedError());
    else if (this.connection === undefined) this.listeners.fail(NO_EVENTS);
    else if (this.connection.failure !== undefined) this.listeners.fail(this.connection.failure);
    return waiter;
  }

  private call(request: CallRequest, scope: WithOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.start(request, { sent() {}, item() {}, done: resolve, fail: reject }, scope);
    });
  }

  private stream(request: CallRequest, scope: WithOptions): AwaitableStream<unknown> {
    const core = new StreamCore<unknown>();
    core.attach(this.start(request, core, scope));
    return new AwaitableStream(core);
  }

  private start(request: CallRequest, sink: CallSink, { signal }: WithOptions): ReturnType<typeof startCall> {
    const { environment, onCall } = this.settings;
    const transport = this.closed ? CLOSED : this.transportOf(request.procedure);
    return startCall(transport, request, sink, { signal, environment, onSettled: onCall });
  }

  private transportOf(procedure: Procedure): Transport {
    return procedure.via === "http" ? this.http : (this.connection ?? this.http);
  }

  private close(): void {
    if (this.closed) return;
    this.closed = true;
    const error = closedError(true);
    this.connection?.cancelAll(this, error);
    this.http.cancelAll(this, error);
    this.listeners.fail(error);
    this.release();
    this.tellStatus();
  }

  private get statusNow(): Status {
    if (this.closed) return { state: "disconnected", code: "closed", reason: "", attempt: 0 };
    return this.connection?.status ?? { state: "disconnected", code: "http", reason: "", attempt: 0 };
  }

  private makeStatus(): StatusStore {
    const now = (): Status => this.statusNow;
    return {
      get state() {
        return now().state;
      },
      get code() {
        return now().code;
      },
      get reason() {
        return now().reason;
      },
      get attempt() {
        return now().attempt;
      },
      subscribe: (run) => {
        const watcher = (status: Status): void => run(status);
        this.watchers.add(watcher);
        run(now());
        return () => this.watchers.delete(watcher);
      },
    };
  }

  private tellStatus(): void {
    for (const watcher of [...this.watchers]) {
      try {
        watcher(this.statusNow);
      } catch (error) {
        this.settings.onError(error);
      }
    }
  }
}

function closedError(maybeExecuted = false): Error {
  return connectionLost("the client was closed", maybeExecuted);
}

const NO_EVENTS = /* @__PURE__ */ new RpcError("UNAVAILABLE", {
  status: 503,
  detail: "events need a WebSocket",
});

const CLOSED: Transport = {
  name: "websocket",
  start: () => {
    throw closedError();
  },
};
