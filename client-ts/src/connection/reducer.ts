// Everything about when there is a connection, and which one, is decided here; the shell only performs it. Connections
// are numbered, and whatever is told about a number that is no longer ours is ignored (the stale-socket guard).
import { CLOSE, closeName, reconnectable } from "../wire/close.js";
import type { ErrorMessage, Limits, Message, Welcome } from "../wire/messages.js";
import { backoffMs } from "./backoff.js";
import type { Status } from "./status.js";

/** How long a socket may take from being asked for to welcome. */
export const CONNECT_TIMEOUT_MS = 20_000;
/** What PROTOCOL §2.4 adds to `heartbeat_ms` before a silent connection counts as dead. */
export const HEARTBEAT_GRACE_MS = 8_000;
/** How long calls under way may take on the connection that `reauthenticate` replaces. */
export const RESTART_DRAIN_MS = 30_000;
/** What a draining connection gets beyond `drain_ms` before its calls are given up. */
export const DRAIN_GRACE_MS = 8_000;

/** Limits for what a welcome leaves out. */
export const DEFAULT_LIMITS: Limits = {
  heartbeat_ms: 25_000,
  max_message_bytes: 65_536,
  max_frame_bytes: 1_048_576,
  max_calls: 64,
  max_streams: 16,
  stream_items: 64,
  stream_bytes: 262_144,
};

/** `waiting` is the pause between attempts; `stopped` waits for `restart`, and says why in `failure`. */
export type Phase = "idle" | "opening" | "waiting" | "ready" | "stopped";

export interface ConnectionState {
  readonly phase: Phase;
  readonly status: Status;
  /** The connection that calls go to, or will go to. */
  readonly number: number;
  /** The one that was welcomed last: events count from there only, so that a draining one cannot repeat them. */
  readonly live: number;
  /** Connections that were sent goaway and still finish their calls. */
  readonly draining: readonly number[];
  readonly session: string | undefined;
  readonly same: boolean;
  readonly limits: Limits;
  readonly receivedAt: number;
  /** The error without an id that came last; a terminal close after it is explained by it. */
  readonly refusal: ErrorMessage | undefined;
  /** Why nothing can be sent, in `stopped`. */
  readonly failure: Failure | undefined;
}

/** An error to be, in the wire's words. */
export type Failure = Pick<ErrorMessage, "status" | "code" | "detail" | "data" | "error_id">;

export type ConnectionEvent =
  | { readonly type: "wanted" }
  | { readonly type: "online" }
  | { readonly type: "restart" }
  | { readonly type: "shutdown" }
  | { readonly type: "credentials"; readonly number: number }
  | { readonly type: "opened"; readonly number: number }
  | { readonly type: "received"; readonly number: number; readonly now: number }
  | { readonly type: "message"; readonly number: number; readonly message: Message }
  | { readonly type: "drained"; readonly number: number }
  | {
      readonly type: "auth_failed";
      readonly number: number;
      readonly reason: string;
      readonly random: number;
    }
  | {
      readonly type: "closed";
      readonly number: number;
      readonly code: number;
      readonly reason: string;
      readonly random: number;
    }
  | { readonly type: "timer"; readonly number: number; readonly now: number; readonly random: number };

export type Effect =
  /** Ask for credentials, then report `credentials` or `auth_failed`. */
  | { readonly do: "authenticate"; readonly number: number }
  | { readonly do: "connect"; readonly number: number }
  | { readonly do: "hello"; readonly number: number; readonly session: string | undefined }
  | { readonly do: "pong"; readonly number: number }
  | { readonly do: "close"; readonly number: number; readonly code: number }
  /** One timer per connection number; setting it again replaces it. */
  | { readonly do: "timer"; readonly number: number; readonly ms: number }
  | { readonly do: "clear"; readonly number: number }
  | { readonly do: "ready"; readonly same: boolean }
  /** Calls that were handed to that connection get no answer any more. */
  | { readonly do: "lost"; readonly number: number; readonly reason: string }
  /** What waits for a connection will not get one. */
  | { readonly do: "fail"; readonly failure: Failure }
  | { readonly do: "event"; readonly name: string; readonly value: unknown }
  /** The server reports something that belongs to no call. */
  | { readonly do: "report"; readonly failure: Failure };

type Step = readonly [ConnectionState, readonly Effect[]];
type Handlers = {
  readonly [Type in ConnectionEvent["type"]]: (
    state: ConnectionState,
    event: Extract<ConnectionEvent, { readonly type: Type }>,
  ) => Step;
};

export const INITIAL: ConnectionState = {
  phase: "idle",
  status: { state: "disconnected", code: "idle", reason: "", attempt: 0 },
  number: 0,
  live: 0,
  draining: [],
  session: undefined,
  same: false,
  limits: DEFAULT_LIMITS,
  receivedAt: 0,
  refusal: undefined,
  failure: undefined,
};

const HANDLERS: Handlers = {
  wanted: (state) => (state.phase === "idle" ? open(state, "requested") : [state, []]),
  online: (state) => (state.phase === "waiting" ? open(state, "online") : [state, []]),
  restart: (state) => {
    if (state.phase === "idle") return [state, []];
    if (state.phase === "ready") return replace(state, "restarted", RESTART_DRAIN_MS);
    const [next, effects] = open({ ...state, status: { ...state.status, attempt: 0 } }, "restarted");
    return [next, [...leave(state.number, 1000), ...effects]];
  },
  shutdown,
  credentials: (state, { number }) => {
    if (state.phase !== "opening") return [state, []];
    return [
      state,
      [
        { do: "connect", number },
        { do: "timer", number, ms: CONNECT_TIMEOUT_MS },
      ],
    ];
  },
  opened: (state, { number }) => {
    return state.phase === "opening"
      ? [state, [{ do: "hello", number, session: state.session }]]
      : [state, []];
  },
  received: (state, { now }) => [{ ...state, receivedAt: now }, []],
  message: onMessage,
  drained: (state, { number }) => [without(state, number), leave(number, 1000)],
  auth_failed: (state, { reason, random }) => retry(state, "auth_failed", reason, random),
  closed: onClosed,
  timer: onTimer,
};

/** The one transition function: `(state, event) → [state, effects]`, pure. */
export function reduce(state: ConnectionState, event: ConnectionEvent): Step {
  if ("number" in event && event.number !== state.number && !state.draining.includes(event.number)) {
    return [state, []];
  }
  const handler = HANDLERS[event.type] as (state: ConnectionState, event: ConnectionEvent) => Step;
  return handler(state, event);
}

function open(state: ConnectionState, code: string): Step {
  const number = state.number + 1;
  const status: Status = { state: "connecting", code, reason: "", attempt: state.status.attempt };
  const next: ConnectionState = {
    ...state,
    phase: "opening",
    status,
    number,
    failure: undefined,
    refusal: undefined,
  };
  return [
    next,
    [
      { do: "clear", number: state.number },
      { do: "authenticate", number },
    ],
  ];
}

function shutdown(state: ConnectionState): Step {
  const failure: Failure = { status: 503, code: "CONNECTION_LOST", detail: "the client was closed" };
  const status: Status = { state: "disconnected", code: "closed", reason: "", attempt: 0 };
  const effects = [state.number, ...state.draining].flatMap((number): Effect[] => [
    ...leave(number, 1000),
    { do: "lost", number, reason: "the client was closed" },
  ]);
  // A new number makes everything that is still under way stale.
  const next: ConnectionState = {
    ...state,
    phase: "stopped",
    status,
    failure,
    draining: [],
    number: state.number + 1,
  };
  return [next, [...effects, { do: "fail", failure }]];
}

function onMessage(
  state: ConnectionState,
  { number, message }: Extract<ConnectionEvent, { readonly type: "message" }>,
): Step {
  switch (message.kind) {
    case "ping":
      return [state, [{ do: "pong", number }]];
    case "event":
      if (number !== state.live) return [state, []];
      return [state, [{ do: "event", name: message.name, value: message.value }]];
    case "welcome":
      return number === state.number && state.phase === "opening" ? onWelcome(state, message) : [state, []];
    case "goaway":
      if (number !== state.number || state.phase !== "ready") return [state, []];
      return onGoaway(state, message.drain_ms);
    case "error":
      if (number !== state.number) return [state, []];
      return [{ ...state, refusal: message }, [{ do: "report", failure: message }]];
    default:
      return [state, []];
  }
}

function onWelcome(state: ConnectionState, { session, same, limits }: Welcome): Step {
  const { number } = state;
  const merged = mergeLimits(limits);
  const status: Status = { state: "connected", code: "connected", reason: "", attempt: 0 };
  const next: ConnectionState = {
    ...state,
    phase: "ready",
    status,
    live: number,
    session,
    same,
    limits: merged,
  };
  return [
    next,
    [
      { do: "timer", number, ms: merged.heartbeat_ms + HEARTBEAT_GRACE_MS },
      { do: "ready", same },
    ],
  ];
}

/** PROTOCOL §2.6: a new connection for what comes, while the calls under way finish on the old one. */
function onGoaway(state: ConnectionState, drainMs: number): Step {
  return replace(state, "goaway", drainMs);
}

function replace(state: ConnectionState, code: string, drainMs: number): Step {
  const old = state.number;
  const [next, effects] = open({ ...state, draining: [...state.draining, old] }, code);
  return [next, [...effects, { do: "timer", number: old, ms: drainMs + DRAIN_GRACE_MS }]];
}

function onClosed(
  state: ConnectionState,
  { number, code, reason, random }: Extract<ConnectionEvent, { readonly type: "closed" }>,
): Step {
  const name = closeName(code);
  const lost: Effect[] = [
    { do: "clear", number },
    { do: "lost", number, reason: reason === "" ? `the connection closed (${code}, ${name})` : reason },
  ];
  if (number !== state.number) return [without(state, number), lost];
  const [next, effects] = reconnectable(code)
    ? retry(state, name, reason, random)
    : stop(state, code, reason);
  return [next, [...lost, ...effects]];
}

function onTimer(
  state: ConnectionState,
  { number, now, random }: Extract<ConnectionEvent, { readonly type: "timer" }>,
): Step {
  if (number !== state.number) {
    const reason = "the connection did not finish draining in time";
    return [without(state, number), [...leave(number, 1000), { do: "lost", number, reason }]];
  }
  if (state.phase === "waiting") return open(state, state.status.code);
  if (state.phase === "opening") return giveUp(state, "connect_timeout", 1000, random);
  if (state.phase !== "ready") return [state, []];
  const left = state.receivedAt + state.limits.heartbeat_ms + HEARTBEAT_GRACE_MS - now;
  return left > 0
    ? [state, [{ do: "timer", number, ms: left }]]
    : giveUp(state, "heartbeat", CLOSE.heartbeat, random);
}

/** Closes a socket that does not answer, without waiting for its close event: that may take minutes. */
function giveUp(state: ConnectionState, code: string, closeCode: number, random: number): Step {
  const [next, effects] = retry(state, code, "", random);
  const { number } = state;
  const reason = `the connection was silent for too long (${code})`;
  return [next, [{ do: "close", number, code: closeCode }, { do: "lost", number, reason }, ...effects]];
}

function retry(state: ConnectionState, code: string, reason: string, random: number): Step {
  const failed = state.status.attempt;
  // A number of its own for the pause: nothing that the old socket still says can be about it.
  const number = state.number + 1;
  const status: Status = { state: "connecting", code, reason, attempt: failed + 1 };
  const next: ConnectionState = { ...state, phase: "waiting", status, number };
  return [
    next,
    [
      { do: "clear", number: state.number },
      { do: "timer", number, ms: backoffMs(failed, random) },
    ],
  ];
}

function stop(state: ConnectionState, code: number, reason: string): Step {
  const name = closeName(code);
  const failure: Failure = state.refusal ?? {
    status: code === CLOSE.unauthenticated ? 401 : 503,
    code: name.toUpperCase(),
    detail: reason === "" ? `the server closed the connection for good (${code}, ${name})` : reason,
  };
  const status: Status = { state: "disconnected", code: name, reason, attempt: 0 };
  return [{ ...state, phase: "stopped", status, failure, session: undefined }, [{ do: "fail", failure }]];
}

function leave(number: number, code: number): Effect[] {
  return [
    { do: "clear", number },
    { do: "close", number, code },
  ];
}

function without(state: ConnectionState, number: number): ConnectionState {
  return { ...state, draining: state.draining.filter((other) => other !== number) };
}

/** A limit that is missing, or that would let nothing through, is taken from the defaults. */
function mergeLimits(told: Readonly<Record<string, number>>): Limits {
  const limit = (name: keyof Limits): [string, number] => [
    name,
    Math.max(told[name] ?? 0, 0) || DEFAULT_LIMITS[name],
  ];
  return Object.fromEntries(
    (Object.keys(DEFAULT_LIMITS) as (keyof Limits)[]).map(limit),
  ) as unknown as Limits;
}
