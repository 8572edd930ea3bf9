import type { RpcError } from "../errors.js";
import type { Answerable, Credentials, Environment, SocketConstructor, Transport } from "../ports.js";
import { isOurs } from "../wire/close.js";
import { encode } from "../wire/codec.js";
import { type Reader, readFrame } from "../wire/frame.js";
import { EVENT, elementsOf, HELLO, type Message, PING, PONG, WELCOME } from "../wire/messages.js";
import { flush, type Link, newLink, writeTo } from "./link.js";
import { type ConnectionEvent, INITIAL, reduce } from "./reducer.js";
import type { Status } from "./status.js";
import { createTable } from "./table.js";

/** The WebSocket subprotocol of PROTOCOL §1. */
export const SUBPROTOCOL = "fusewire.v1.msgpack";

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

/** What a client hears from its connection, besides the answers to its calls. */
export interface ConnectionListener {
  event(name: string, value: unknown): void;
  /** The connection stopped for good: nothing more will come. */
  stopped(error: RpcError): void;
  status(): void;
}

/** One per URL and identity, shared by the clients. */
export interface Connection extends Transport {
  status(): Status;
  /** Why nothing can be sent, if the connection has stopped for good. */
  failure(): RpcError | undefined;
  /** @returns how to stop listening */
  listen(listener: ConnectionListener): () => void;
  /** Somebody wants calls or events: connect, if that was not done yet. */
  want(): void;
  /**
   * New credentials: on the live connection, or else by connecting again. Without credentials to send the caller is known
   * by cookies, and those are the handshake's: only a new one brings what a login has set. Calls under way finish on the
   * old connection.
   */
  reauthenticate(): Promise<void>;
  /** Closes the sockets; what is under way or waiting fails with CONNECTION_LOST, and so does every later call. */
  close(): void;
}

/** Performs what the reducer decides. */
export function createConnection(options: ConnectionOptions): Connection {
  const { url, WebSocket, calls, timeoutMs, auth, environment, onError, onStale } = options;
  let state = INITIAL;
  let told = state.status;
  let credentials: Credentials | null = null;
  let scheduled = false;
  /** When something was received last. */
  let heardAt = 0;
  const links = new Map<number, Link>();
  const timers = new Map<number, unknown>();
  const listeners = new Set<ConnectionListener>();
  /** Those who wait in `reauthenticate` for a connection that is being made. */
  const restarts: [resolve: () => void, reject: (error: unknown) => void][] = [];
  const table = createTable(environment, timeoutMs, schedule);

  function dispatch(...event: ConnectionEvent): void {
    const [next, effects] = reduce(state, event, environment.random());
    state = next;
    for (const [name, ...values] of effects) (perform[name] as (...values: unknown[]) => void)(...values);
    // An effect may dispatch in its turn, and then that turn has told already.
    const { status } = state;
    if (status === told) return;
    told = status;
    for (const listener of [...listeners]) listener.status();
  }

  async function authenticate(number: number): Promise<void> {
    try {
      const payload = (await auth()) ?? null;
      // What cannot be sent must fail here, where it is known whose it is.
      encode(payload, "credentials");
      if (number === state.number) credentials = payload;
    } catch (error) {
      if (number === state.number) onError(error);
      return dispatch("unauthenticated", number, error instanceof Error ? error.message : String(error));
    }
    dispatch("authenticated", number);
  }

  function connect(number: number): void {
    try {
      const socket = new WebSocket(url, [SUBPROTOCOL]);
      const link = newLink(number, socket);
      const reader: Reader = {
        minId: 1,
        take: (message, valueBytes) => receive(link, message, valueBytes),
        refuse(id, error) {
          if (id === null) onError(error);
          else table.unreadable(link, id, error);
        },
      };
      socket.binaryType = "arraybuffer";
      socket.addEventListener("open", () => dispatch("opened", number));
      socket.addEventListener("message", ({ data }) => {
        if (!links.has(number)) return;
        if (number === state.number) heardAt = environment.now();
        readFrame(new Uint8Array(data as ArrayBuffer), reader);
        afterFrame(link);
      });
      socket.addEventListener("close", ({ code, reason }) => {
        link.refused = !link.welcomed && isOurs(code);
        dispatch("closed", number, code, reason);
      });
      // A close event follows with what there is to know; but without a listener the `ws` package throws.
      socket.addEventListener("error", () => {});
      links.set(number, link);
    } catch (error) {
      // The constructor throws for a bad URL, or when a page's policy forbids the connection.
      onError(error);
      dispatch("closed", number, 1006, String(error));
    }
  }

  function hello(number: number, session: string | undefined): void {
    const link = links.get(number) as Link;
    writeTo(link, elementsOf(HELLO, calls, session, timeoutMs || undefined, credentials ?? undefined));
    link.heldBytes = link.sheet.at;
    schedule();
  }

  function timer(number: number, ms: number): void {
    environment.clearTimeout(timers.get(number));
    const fire = (): void => dispatch("timer", number, environment.now() - heardAt);
    timers.set(number, environment.setTimeout(fire, ms));
  }

  function drop(number: number, code: number, reason: string): void {
    environment.clearTimeout(timers.get(number));
    timers.delete(number);
    const link = links.get(number);
    if (link === undefined) return;
    links.delete(number);
    flush(link);
    link.socket.close(code);
    table.lose(link, reason);
  }

  function ready(): void {
    const link = links.get(state.number) as Link;
    link.maxFrameBytes = state.limits.max_frame_bytes;
    table.welcome(link, state);
    for (const [resolve] of restarts.splice(0)) resolve();
    if (!state.same) onStale();
    schedule();
  }

  function fail(error: RpcError): void {
    table.failWaiting(error);
    for (const [, reject] of restarts.splice(0)) reject(error);
    for (const listener of [...listeners]) listener.stopped(error);
  }

  function receive(link: Link, message: Message, valueBytes: number): void {
    if (table.receive(link, message, valueBytes)) return;
    const { number } = link;
    const [kind, name, value] = message;
    if (kind === PING) link.pinged = true;
    else if (kind === EVENT) {
      if (number === state.live) for (const listener of [...listeners]) listener.event(name as string, value);
    } else {
      if (kind === WELCOME) link.welcomed = true;
      dispatch("message", number, message);
    }
  }

  function afterFrame(link: Link): void {
    // PROTOCOL §2.4: the pings of one frame are answered with one pong.
    if (link.pinged) writeTo(link, elementsOf(PONG));
    if (link.pinged || table.waits()) schedule();
    link.pinged = false;
    // A draining connection is left when its calls are settled and its successor delivers the events.
    for (const number of state.draining)
      if (number !== state.live && !links.get(number)?.load.some(Boolean)) dispatch("drained", number);
  }

  /** One microtask later: what is called in one tick leaves as one frame (PROTOCOL §1). */
  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    queueMicrotask(flushAll);
  }

  function flushAll(): void {
    scheduled = false;
    const link = links.get(state.number);
    if (link !== undefined && (state.phase === "ready" || state.phase === "greeting"))
      table.sendWaiting(link, state);
    links.forEach(flush);
  }

  function restart(): Promise<void> {
    dispatch("restart");
    return new Promise((...settle) => restarts.push(settle));
  }

  async function reauthenticate(): Promise<void> {
    const { phase, number } = state;
    if (phase === "idle") return;
    if (phase !== "ready") return restart();
    const payload = await auth();
    // While `auth` ran the connection may have gone; the next hello asks it again.
    const link = links.get(number);
    if (number !== state.number || link === undefined) return reauthenticate();
    if (payload === null) return restart();
    return new Promise((resolve, reject) => {
      const flight: Answerable = { id: 0, link, lane: 2, item() {}, done: () => resolve(), fail: reject };
      table.refresh(flight, link, payload);
    });
  }

  const perform = { authenticate, connect, hello, timer, drop, ready, fail, report: onError };
  const awake = (): void => dispatch("online");
  globalThis.addEventListener?.("online", awake);
  return {
    name: "websocket",
    status: () => state.status,
    failure: () => state.failure,
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    want: () => dispatch("wanted"),
    start(call) {
      if (state.failure !== undefined) throw state.failure;
      table.start(call, state.phase === "ready" ? links.get(state.number) : undefined, state);
      if (state.phase === "idle") dispatch("wanted");
      else if (table.waits()) schedule();
    },
    cancel: table.cancel,
    reauthenticate,
    close() {
      globalThis.removeEventListener?.("online", awake);
      dispatch("shutdown");
    },
  };
}
