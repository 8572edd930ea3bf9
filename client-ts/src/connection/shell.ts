import { EncodedArguments } from "../arguments.js";
import type { RpcError } from "../errors.js";
import type {
  CallRequest,
  CallSink,
  Credentials,
  Environment,
  RunningCall,
  SocketConstructor,
  Transport,
} from "../ports.js";
import { encode } from "../wire/codec.js";
import type { Received, Unreadable } from "../wire/frame.js";
import { encodeMessage, type Message } from "../wire/messages.js";
import { CallTable, type TableCall, toRpcError } from "./calls.js";
import { Link } from "./link.js";
import { type ConnectionEvent, type ConnectionState, type Effect, INITIAL, reduce } from "./reducer.js";
import type { Status } from "./status.js";

/** What a connection needs from outside. */
export interface ConnectionOptions {
  /** A ws or wss URL. */
  readonly url: string;
  readonly WebSocket: SocketConstructor;
  /** The contract's hash of call shapes, for hello. */
  readonly calls: string;
  /** The deadline of unary calls that is told in hello, in milliseconds; 0 is none. */
  readonly timeoutMs: number;
  readonly auth: () => Promise<Credentials | null> | Credentials | null;
  readonly environment: Environment;
  readonly onError: (error: unknown) => void;
  readonly onStale: () => void;
}

/** What an owner of calls hears from its connection, besides the answers. */
export interface ConnectionListener {
  event(name: string, value: unknown): void;
  /** The connection stopped for good: nothing more will come. */
  stopped(error: RpcError): void;
  status(status: Status): void;
}

/** Performs what the reducer decides. One per URL and identity, shared by the clients. */
export class Connection implements Transport {
  readonly name = "websocket";
  private state: ConnectionState = INITIAL;
  private readonly table = new CallTable();
  private readonly links = new Map<number, Link>();
  private readonly timers = new Map<number, unknown>();
  private readonly listeners = new Set<ConnectionListener>();
  private credentials: Credentials | null = null;
  private flushing = false;
  private told: Status = INITIAL.status;
  private readonly awake = (): void => this.dispatch({ type: "online" });
  /** Those who wait in `reauthenticate` for a connection that is being made. */
  private restarts: { resolve: () => void; reject: (error: unknown) => void }[] = [];

  constructor(private readonly options: ConnectionOptions) {
    if (typeof addEventListener === "function") addEventListener("online", this.awake);
  }

  get status(): Status {
    return this.state.status;
  }

  /** Why nothing can be sent, if the connection has stopped for good. */
  get failure(): RpcError | undefined {
    return this.state.failure && toRpcError(this.state.failure);
  }

  /** @returns how to stop listening */
  listen(listener: ConnectionListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Somebody wants events: connect, if that was not done yet. */
  want(): void {
    this.dispatch({ type: "wanted" });
  }

  start(request: CallRequest, sink: CallSink): RunningCall {
    const { name, procedure, values, timeoutMs, owner } = request;
    const args = new EncodedArguments(procedure.args, values);
    const stream = procedure.stream === true;
    const { failure } = this;
    if (failure !== undefined) {
      sink.fail(failure);
      return { cancel: () => undefined, credit: () => undefined };
    }
    const calledAt = this.options.environment.now();
    const call = this.table.add({ name, stream, args, timeoutMs, calledAt, owner, sink });
    this.want();
    this.scheduleFlush();
    return {
      cancel: (error) => this.cancel(call, error),
      credit: (items, bytes) => {
        if (call.sink !== undefined) this.send(call.link, { kind: "credit", id: call.id, items, bytes });
      },
    };
  }

  /** Ends every call of that owner. */
  cancelAll(owner: object, error: unknown): void {
    for (const call of this.table.ownedBy(owner)) this.cancel(call, error);
  }

  /**
   * New credentials: on the live connection, or else by connecting again. Without credentials to send the caller is known
   * by cookies, and those are the handshake's: only a new one brings what a login has set. Calls under way finish on the
   * old connection.
   */
  async reauthenticate(): Promise<void> {
    const { phase, number } = this.state;
    if (phase === "idle") return;
    if (phase !== "ready") return this.restart();
    const credentials = await this.options.auth();
    // While `auth` ran the connection may have gone; the next hello asks it again.
    if (this.state.number !== number || this.state.phase !== "ready") return this.reauthenticate();
    if (credentials === null) return this.restart();
    return new Promise((resolve, reject) => {
      const sink: CallSink = { sent() {}, item() {}, done: () => resolve(), fail: reject };
      const id = this.table.addRefresh(number, sink);
      this.send(number, { kind: "refresh", id, credentials });
    });
  }

  private restart(): Promise<void> {
    this.dispatch({ type: "restart" });
    return new Promise((resolve, reject) => this.restarts.push({ resolve, reject }));
  }

  /** Closes the sockets; what is under way or waiting fails with CONNECTION_LOST, and so does every later call. */
  close(): void {
    if (typeof removeEventListener === "function") removeEventListener("online", this.awake);
    this.dispatch({ type: "shutdown" });
  }

  private cancel(call: TableCall, error: unknown): void {
    if (this.table.cancel(call, error)) this.send(call.link, { kind: "cancel", id: call.id });
  }

  private dispatch(event: ConnectionEvent): void {
    const [state, effects] = reduce(this.state, event);
    this.state = state;
    for (const effect of effects) this.perform(effect);
    // An effect may dispatch in its turn, and then that turn has told already.
    const { status } = this.state;
    if (status === this.told) return;
    this.told = status;
    for (const listener of [...this.listeners]) listener.status(status);
  }

  private perform(effect: Effect): void {
    switch (effect.do) {
      case "authenticate":
        this.authenticate(effect.number);
        break;
      case "connect":
        this.connect(effect.number);
        break;
      case "hello":
        this.hello(effect.number, effect.session);
        break;
      case "pong":
        this.send(effect.number, { kind: "pong" });
        break;
      case "close":
        this.closeLink(effect.number, effect.code);
        break;
      case "timer":
        this.setTimer(effect.number, effect.ms);
        break;
      case "clear":
        this.clearTimer(effect.number);
        break;
      case "ready":
        this.ready(effect.same);
        break;
      case "lost":
        this.links.delete(effect.number);
        this.table.lose(effect.number, effect.reason);
        break;
      case "fail":
        this.fail(toRpcError(effect.failure));
        break;
      case "event":
        for (const listener of [...this.listeners]) listener.event(effect.name, effect.value);
        break;
      case "report":
        this.options.onError(toRpcError(effect.failure));
        break;
    }
  }

  private authenticate(number: number): void {
    const refused = (error: unknown): void => {
      if (this.state.number === number) this.options.onError(error);
      const reason = error instanceof Error ? error.message : String(error);
      this.dispatch({ type: "auth_failed", number, reason, random: this.options.environment.random() });
    };
    const given = (credentials: Credentials | null): void => {
      if (this.state.number !== number) return;
      this.credentials = credentials;
      this.dispatch({ type: "credentials", number });
    };
    try {
      const credentials = this.options.auth();
      // Without a promise the socket is opened in this tick.
      if (credentials instanceof Promise) credentials.then(sendable).then(given, refused);
      else given(sendable(credentials));
    } catch (error) {
      refused(error);
    }
  }

  private connect(number: number): void {
    const closed = (code: number, reason: string): void => {
      this.dispatch({ type: "closed", number, code, reason, random: this.options.environment.random() });
    };
    try {
      const link = new Link(this.options.url, this.options.WebSocket, {
        opened: () => this.dispatch({ type: "opened", number }),
        messages: (messages) => this.receive(number, messages),
        closed,
      });
      this.links.set(number, link);
    } catch (error) {
      // The constructor throws for a bad URL, or when a page's policy forbids the connection.
      this.options.onError(error);
      closed(1006, String(error));
    }
  }

  private hello(number: number, session: string | undefined): void {
    const { calls, timeoutMs } = this.options;
    const credentials = this.credentials;
    this.send(number, {
      kind: "hello",
      calls,
      ...(session !== undefined && { session }),
      ...(timeoutMs > 0 && { timeout_ms: timeoutMs }),
      ...(credentials !== null && { credentials }),
    });
  }

  private ready(same: boolean): void {
    for (const { resolve } of this.restarts.splice(0)) resolve();
    if (!same) this.options.onStale();
    this.scheduleFlush();
    this.closeDrained();
  }

  private fail(error: RpcError): void {
    this.table.failWaiting(error);
    for (const { reject } of this.restarts.splice(0)) reject(error);
    for (const listener of [...this.listeners]) listener.stopped(error);
  }

  private receive(number: number, messages: readonly (Received | Unreadable)[]): void {
    this.dispatch({ type: "received", number, now: this.options.environment.now() });
    for (const received of messages) {
      if (received.ok) this.onMessage(number, received.message, received.valueBytes);
      else this.onUnreadable(number, received);
    }
    if (this.table.waits) this.scheduleFlush();
    this.closeDrained();
  }

  private onMessage(number: number, message: Message, bytes: number): void {
    if (message.kind === "result") this.table.done(message.id, number, message.value);
    else if (message.kind === "item") this.table.item(message.id, number, message.value, bytes);
    else if (message.kind === "end") this.table.done(message.id, number, undefined);
    else if (message.kind === "error" && message.id !== null) this.table.error(message.id, number, message);
    else this.dispatch({ type: "message", number, message });
  }

  private onUnreadable(number: number, { id, error }: Unreadable): void {
    if (id === null) this.options.onError(error);
    else if (this.table.unreadable(id, number, error)) this.send(number, { kind: "cancel", id });
  }

  private send(number: number, message: Message): void {
    this.links.get(number)?.queue(encodeMessage(message));
    this.scheduleFlush();
  }

  /** One microtask later: what is called in one tick leaves as one frame (PROTOCOL §1). */
  private scheduleFlush(): void {
    if (this.flushing) return;
    this.flushing = true;
    queueMicrotask(() => {
      this.flushing = false;
      this.flush();
    });
  }

  private flush(): void {
    const { phase, number, same, limits } = this.state;
    const link = this.links.get(number);
    if (phase === "ready" && link !== undefined) {
      const now = this.options.environment.now();
      const slot = { number, same, limits, helloTimeoutMs: this.options.timeoutMs, now };
      for (const message of this.table.take(slot)) link.queue(message);
    }
    for (const each of this.links.values()) each.flush(limits.max_frame_bytes);
  }

  /** A draining connection is left when its calls are settled and its successor delivers the events. */
  private closeDrained(): void {
    for (const number of this.state.draining) {
      if (number !== this.state.live && this.table.count(number) === 0)
        this.dispatch({ type: "drained", number });
    }
  }

  private closeLink(number: number, code: number): void {
    const link = this.links.get(number);
    this.links.delete(number);
    link?.flush(this.state.limits.max_frame_bytes);
    link?.close(code);
  }

  private setTimer(number: number, ms: number): void {
    this.clearTimer(number);
    const { environment } = this.options;
    const fire = (): void => {
      this.dispatch({ type: "timer", number, now: environment.now(), random: environment.random() });
    };
    this.timers.set(number, environment.setTimeout(fire, ms));
  }

  private clearTimer(number: number): void {
    this.options.environment.clearTimeout(this.timers.get(number));
    this.timers.delete(number);
  }
}

/** Credentials that cannot be encoded must fail here, where it is known whose they are. */
function sendable(credentials: Credentials | null): Credentials | null {
  encode(credentials ?? null, "credentials");
  return credentials ?? null;
}
