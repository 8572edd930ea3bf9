// Everything about when there is a connection, and which one, is decided here. A link is one connection, from before its
// socket is asked for; whatever a link that was dropped still reports is ignored (the stale-socket guard).
import { connectionLost, failure, type RpcError, toRpcError } from "../errors.js";
import type { Call, Transport, UploadPart } from "../ports.js";
import { CLOSE_HEARTBEAT, CLOSE_UNAUTHENTICATED, closeName, isOurs, isTerminal } from "../wire/close.js";
import { out } from "../wire/codec.js";
import { type Reader, readFrame } from "../wire/frame.js";
import {
  CANCEL,
  ERROR,
  type ErrorMessage,
  EVENT,
  elementsOf,
  GOAWAY,
  HELLO,
  type Message,
  PING,
  PONG,
  TOPIC,
  WELCOME,
} from "../wire/messages.js";
import { backoffMs } from "./backoff.js";
import { isFull, lose, receive, sendCall, tailOf, unreadable } from "./flights.js";
import { DEFAULT_LIMITS, flush, type Link, newLink, writeTo } from "./link.js";
import type { ConnectionListener, ConnectionOptions } from "./options.js";
import type { Status } from "./status.js";

/** The WebSocket subprotocol of PROTOCOL §1. */
export const SUBPROTOCOL = "fusewire.v1.msgpack";
/** How long a socket may take from being asked for to welcome. */
export const CONNECT_TIMEOUT_MS = 20_000;
/** What PROTOCOL §2.4 adds to `heartbeat_ms` before a silent connection counts as dead. */
export const HEARTBEAT_GRACE_MS = 8_000;
/** How long calls under way may take on the connection that `reauthenticate` replaces. */
export const RESTART_DRAIN_MS = 30_000;
/** What a draining connection gets beyond `drain_ms` before its calls are given up. */
export const DRAIN_GRACE_MS = 8_000;
/** How many calls may wait for their turn, or for a connection, before `TOO_MANY_CALLS`. */
export const MAX_QUEUED_CALLS = 10_000;
/** How much may be sent before welcome, in bytes: half of what PROTOCOL §2.2 lets a server hold, and of a first frame. */
const MAX_HELD_BYTES = 32_768;
/** What is lost sooner after welcome is tried again as after two failures: a server that welcomes may still not be well. */
const BRIEF_MS = 1_000;
/** A wait longer than this is taken off the deadline that the server is told. */
const SAME_TICK_MS = 20;

/** One per URL and identity, shared by the clients. */
export interface Connection extends Transport {
  status(): Status;
  /** Why nothing can be sent, if the connection has stopped for good. */
  failure(): RpcError | undefined;
  /** Somebody wants calls or events: connect, if that was not done yet. */
  want(): void;
  /**
   * New credentials: on the live connection, where upkeep is there and `auth` has some; or else by connecting again. Without
   * credentials to send the caller is known by cookies, and those are the handshake's: only a new one brings what a login
   * has set. Calls under way finish on the old connection.
   */
  reauthenticate(): Promise<void>;
  /** Closes the sockets; what is under way or waiting fails with CONNECTION_LOST, and so does every later call. */
  close(): void;
}

/** Makes a connection that opens nothing yet. */
export function createConnection(options: ConnectionOptions): Connection {
  const { auth, onError, environment, timeoutMs, listeners } = options;
  const { now } = environment;
  let status: Status = { state: "disconnected", code: "idle", reason: "", attempt: 0 };
  /** The one that calls go to, or will go to. Undefined before the first, and when it has stopped: see `failure`. */
  let current: Link | undefined;
  /** The one that said hello last: events count from there only, and what the others still bring is sent there again. */
  let live: Link | undefined;
  const draining = new Set<Link>();
  let session: unknown;
  /** The error without an id that came last; a terminal close after it is explained by it. */
  let refusal: RpcError | undefined;
  let failed: RpcError | undefined;
  let scheduled = false;
  const waiting = new Set<Call>();
  /** Those who wait in `reauthenticate` for a connection that is being made. */
  const restarts: [resolve: () => void, reject: (error: unknown) => void][] = [];
  const owner = {
    timeoutMs,
    written: schedule,
    again(call: Call) {
      failed ? call.fail(failed) : waiting.add(call);
      schedule();
    },
  };

  const recovery = options.recovery?.(deliver, () => retry(live as Link, "hole", "hole"));
  const upkeep = options.upkeep?.({ ...options, link: () => current, retry, awake, restart, reauthenticate });

  function deliver(name: string, value: unknown): void {
    tellAll("event", name, value);
  }

  function tellAll<What extends keyof ConnectionListener>(
    what: What,
    ...told: Parameters<ConnectionListener[What]>
  ): void {
    // Those who leave meanwhile are told all the same, those who come are not.
    for (const listener of [...listeners]) (listener[what] as (...told: unknown[]) => void)(...told);
  }

  function enter(state: Status["state"], code: string, reason = "", attempt = 0): void {
    status = { state, code: upkeep?.told(code) ?? code, reason, attempt };
    tellAll("status");
  }

  function open(code: string, attempt = status.attempt): void {
    failed = refusal = undefined;
    current = newLink(owner);
    void connect(current);
    enter("connecting", code, "", attempt);
  }

  async function connect(link: Link): Promise<void> {
    let code = "auth_failed";
    try {
      const credentials = (await auth()) ?? undefined;
      if (link !== current) return;
      live = link;
      writeTo(
        link,
        elementsOf(HELLO, options.calls, session, timeoutMs || undefined, credentials, recovery?.positions),
      );
      link.heldBytes = link.at;
      code = "connection_lost";
      // The constructor throws for a bad URL, or when a page's policy forbids the connection.
      listen(link, new options.WebSocket(options.url, [SUBPROTOCOL]));
      arm(link, CONNECT_TIMEOUT_MS);
    } catch (error) {
      if (link !== current) return;
      onError(error);
      retry(link, code, `${(error as Error)?.message ?? error}`);
    }
  }

  function listen(link: Link, socket: NonNullable<Link["socket"]>): void {
    const reader: Reader = {
      minId: 1,
      take: (message, valueBytes) => receive(link, message, valueBytes) || take(link, message),
      refuse(id, error) {
        if (id === null) onError(error);
        else unreadable(link, id, error);
      },
    };
    link.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      link.open = true;
      schedule();
    });
    socket.addEventListener("message", ({ data }) => {
      if (!link.socket) return;
      link.heardAt = now();
      readFrame(new Uint8Array(data as ArrayBuffer), reader);
      afterFrame(link);
    });
    socket.addEventListener("close", ({ code, reason }) => {
      if (link.socket) closed(link, code, reason);
    });
    // A close event follows with what there is to know; but without a listener the `ws` package throws.
    socket.addEventListener("error", () => {});
  }

  function take(link: Link, message: Message): void {
    const [kind, first, second, told] = message;
    if (kind === PING) link.pinged = true;
    else if (link === live && (kind === EVENT || kind === TOPIC)) {
      if (recovery) recovery(message);
      else deliver(first as string, second);
    } else if (link !== current) return;
    else if (kind === ERROR) {
      refusal = toRpcError(message as ErrorMessage);
      onError(refusal);
    } else if (kind === GOAWAY && link.welcomed) replace(link, "goaway", first as number);
    else if (kind === WELCOME && !link.welcomed) {
      session = first;
      link.welcomed = now();
      link.same = second as boolean;
      // A limit that is missing, or that would let nothing through, is taken from the defaults.
      const positive = Object.entries(told as object).filter((entry) => entry[1] > 0);
      link.limits = { ...DEFAULT_LIMITS, ...Object.fromEntries(positive) };
      // From now on its timer is about silence.
      expire(link);
      for (const [resolve] of restarts.splice(0)) resolve();
      schedule();
      enter("connected", "connected");
      tellAll("stale", message[4] as string | undefined);
    }
  }

  function afterFrame(link: Link): void {
    // PROTOCOL §2.4: the pings of one frame are answered with one pong.
    if (link.pinged) writeTo(link, elementsOf(PONG));
    link.pinged = false;
    if (waiting.size) schedule();
    // A draining connection is left when its calls are settled and its successor delivers the events.
    for (const old of draining) if (old !== live && !old.load.some(Boolean)) drop(old);
  }

  /** PROTOCOL §2.6: a new connection for what comes, while the calls under way finish on the old one. */
  function replace(link: Link, code: string, drainMs: number): void {
    draining.add(link);
    link.drains = true;
    arm(link, drainMs + DRAIN_GRACE_MS);
    open(code);
  }

  /** Forgets a link: its timer, its socket, and its calls, which get no answer any more. */
  function drop(link: Link, reason = "", code = 1000): void {
    environment.clearTimeout(link.timer);
    draining.delete(link);
    const { socket } = link;
    if (!socket) return;
    flush(link);
    link.socket = undefined;
    socket.close(code);
    lose(link, reason);
  }

  function retry(link: Link, code: string, reason: string, close?: number): void {
    const { attempt } = status;
    const { welcomed } = link;
    const steps = welcomed && now() - welcomed < BRIEF_MS ? 2 : attempt;
    // The pause is a link without a socket, but with a timer.
    current = newLink(owner);
    arm(current, backoffMs(steps, environment.random()));
    drop(link, reason, close);
    enter("connecting", code, reason, attempt + 1);
  }

  function closed(link: Link, code: number, words: string): void {
    const name = closeName(code, words);
    const reason = words || `closed (${code})`;
    link.refused = !link.welcomed && isOurs(code);
    if (link !== current) drop(link, reason);
    else if (!isTerminal(code)) retry(link, name, reason);
    else {
      session = undefined;
      stop(
        refusal ?? failure(name.toUpperCase(), code === CLOSE_UNAUTHENTICATED ? 401 : 503, reason),
        name,
        reason,
      );
    }
  }

  function stop(error: RpcError, code: string, reason: string): void {
    const link = current;
    current = undefined;
    failed = error;
    if (link) drop(link, reason);
    for (const call of waiting) {
      waiting.delete(call);
      call.fail(error);
    }
    for (const [, reject] of restarts.splice(0)) reject(error);
    tellAll("fail", error);
    enter("disconnected", code, reason);
  }

  function arm(link: Link, ms: number): void {
    environment.clearTimeout(link.timer);
    link.timer = environment.setTimeout(() => expire(link), ms);
  }

  function expire(link: Link): void {
    const { welcomed, limits, heardAt } = link;
    const left = welcomed ? limits.heartbeat_ms + HEARTBEAT_GRACE_MS - (now() - heardAt) : 0;
    if (link !== current) drop(link, "not drained");
    else if (!link.socket) open(status.code);
    else if (left > 0) arm(link, left);
    else {
      // The socket does not answer, and its close event may take minutes.
      retry(link, welcomed ? "heartbeat" : "connect_timeout", "silent", welcomed && CLOSE_HEARTBEAT);
    }
  }

  /** One microtask later: what is called in one tick leaves as one frame (PROTOCOL §1). */
  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    queueMicrotask(() => {
      scheduled = false;
      if (current?.open) sendWaiting(current);
      for (const link of draining) flush(link);
      if (current) flush(current);
    });
  }

  /** As many as the limits allow, in the order in which they were made. */
  function sendWaiting(link: Link): void {
    for (const call of waiting) {
      if (isFull(link, call)) continue;
      if (!link.welcomed) {
        link.heldBytes += call.tail?.bytes.length ?? 0;
        if (call.begin || link.heldBytes > MAX_HELD_BYTES) return;
      }
      waiting.delete(call);
      const { timeoutMs, startedAt } = call;
      // PROTOCOL §3: the deadline counts from receipt, so the time spent waiting here is taken off.
      const waited = now() - startedAt;
      const left = timeoutMs && Math.max(1, Math.ceil(timeoutMs - (waited < SAME_TICK_MS ? 0 : waited)));
      try {
        sendCall(link, call, left);
      } catch (error) {
        call.fail(error);
      }
    }
  }

  /** Resolves when the connection is welcomed that replaces this one. */
  function restart(): Promise<void> {
    // What was sent already is answered on the old connection.
    if (current?.open) replace(current, "restarted", RESTART_DRAIN_MS);
    else {
      if (current) drop(current);
      open("restarted", 0);
    }
    return new Promise((...settle) => restarts.push(settle));
  }

  async function reauthenticate(): Promise<void> {
    if (current || failed) return (current?.welcomed && upkeep?.renew(current)) || restart();
  }

  function want(): void {
    if (!current && !failed) open("requested");
  }

  /** Ends the pause between two attempts, and is as quick with the next ones as with the first. */
  function awake({ type }: { readonly type: string }): void {
    if (current?.timer && !current.socket) {
      drop(current);
      open(type, 1);
    }
  }
  globalThis.addEventListener?.("online", awake);
  return {
    name: "websocket",
    status: () => status,
    failure: () => failed,
    want,
    start(call) {
      // First, so that a source is stopped whatever comes of its call.
      if (call.procedure.upload)
        (options.uploads as UploadPart)(call, (elements) => writeTo(call.link as Link, elements));
      if (failed) throw failed;
      // A getter of an argument may make a call in the middle of another call's message.
      if (current?.welcomed && !isFull(current, call) && !out && !waiting.size)
        return sendCall(current, call, call.timeoutMs);
      if (waiting.size >= MAX_QUEUED_CALLS)
        throw failure("TOO_MANY_CALLS", 429, `${MAX_QUEUED_CALLS} calls wait`);
      call.tail ??= tailOf(call);
      waiting.add(call);
      want();
      schedule();
    },
    cancel(call) {
      const { link, id } = call;
      if (!waiting.delete(call) && (link as Link | undefined)?.flights[id] === call)
        writeTo(link as Link, elementsOf(CANCEL, id));
    },
    reauthenticate,
    close() {
      globalThis.removeEventListener?.("online", awake);
      const error = connectionLost("the client was closed", false);
      for (const link of draining) drop(link, error.message);
      stop(error, "closed", error.message);
    },
  };
}
