// Everything about when there is a connection, and which one, is decided here; the shell only performs it. Connections
// are numbered, and whatever is told about a number that is no longer ours is ignored (the stale-socket guard).
import { connectionLost, failure, type RpcError, toRpcError } from "../errors.js";
import { CLOSE_HEARTBEAT, CLOSE_UNAUTHENTICATED, closeName, isReconnectable } from "../wire/close.js";
import { ERROR, type ErrorMessage, GOAWAY, type Limits, WELCOME } from "../wire/messages.js";
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

/** The server's own defaults: for what a welcome leaves out, and for the calls that go before it. */
export const DEFAULT_LIMITS: Limits = {
  heartbeat_ms: 25_000,
  max_frame_bytes: 2_097_152,
  max_calls: 64,
  max_streams: 32,
  stream_items: 64,
  stream_bytes: 262_144,
};

/**
 * `opening` lasts until the socket is open, `greeting` from hello to welcome; `waiting` is the pause between attempts;
 * `stopped` waits for `restart`, and says why in `failure`.
 */
export type Phase = "idle" | "opening" | "greeting" | "ready" | "waiting" | "stopped";

export interface ConnectionState {
  readonly phase: Phase;
  readonly status: Status;
  /** The connection that calls go to, or will go to. */
  readonly number: number;
  /** The one that was welcomed last: events count from there only, so that a draining one cannot repeat them. */
  readonly live: number;
  /** Connections that finish their calls, while another one takes the new ones. */
  readonly draining: readonly number[];
  readonly session: string | undefined;
  /** Whether `calls` of hello was the server's own. */
  readonly same: boolean;
  readonly limits: Limits;
  /** The error without an id that came last; a terminal close after it is explained by it. */
  readonly refusal: RpcError | undefined;
  /** Why nothing can be sent, in `stopped`. */
  readonly failure: RpcError | undefined;
}

export type ConnectionEvent =
  | readonly [type: "wanted" | "online" | "restart" | "shutdown"]
  | readonly [type: "authenticated" | "opened" | "drained", number: number]
  | readonly [type: "unauthenticated", number: number, reason: string]
  | readonly [type: "closed", number: number, code: number, reason: string]
  /** @param idleMs how long nothing was received */
  | readonly [type: "timer", number: number, idleMs: number]
  | readonly [type: "message", number: number, message: readonly unknown[]];

export type Effect =
  /** Ask for credentials, then report `authenticated` or `unauthenticated`. */
  | readonly ["authenticate", number: number]
  | readonly ["connect", number: number]
  | readonly ["hello", number: number, session: string | undefined]
  /** One timer per connection number; setting it again replaces it. */
  | readonly ["timer", number: number, ms: number]
  /** Forget that number: its timer, its socket, which is closed, and its calls, which get no answer any more. */
  | readonly ["drop", number: number, code: number, reason: string]
  | readonly ["ready"]
  /** What waits for a connection will not get one. */
  | readonly ["fail", error: RpcError]
  /** The server reports something that belongs to no call. */
  | readonly ["report", error: RpcError];

type Step = readonly [ConnectionState, readonly Effect[]];

export const INITIAL: ConnectionState = {
  phase: "idle",
  status: { state: "disconnected", code: "idle", reason: "", attempt: 0 },
  number: 0,
  live: 0,
  draining: [],
  session: undefined,
  same: false,
  limits: DEFAULT_LIMITS,
  refusal: undefined,
  failure: undefined,
};

/**
 * The one transition function: pure.
 *
 * @param random from 0 up to 1, for a wait that may begin
 */
export function reduce(state: ConnectionState, event: ConnectionEvent, random: number): Step {
  const { phase, number: current, draining } = state;
  const [type, number = current] = event;
  const nothing: Step = [state, []];
  if (number !== current && !draining.includes(number)) return nothing;
  switch (type) {
    case "wanted":
      return phase === "idle" ? open(state, "requested") : nothing;
    case "online":
      return phase === "waiting" ? open(state, type, drop(current)) : nothing;
    case "restart":
      if (phase === "idle") return nothing;
      // What was sent already is answered on the old connection.
      if (phase === "ready" || phase === "greeting") return replace(state, "restarted", RESTART_DRAIN_MS);
      return open({ ...state, status: INITIAL.status }, "restarted", drop(current));
    case "shutdown": {
      const failure = connectionLost("the client was closed", false);
      const drops = [current, ...draining].map((each) => drop(each, failure.message));
      // A new number makes everything that is still under way stale.
      const changes = { failure, draining: [], number: current + 1 };
      return [enter(state, "stopped", "closed", changes), [...drops, ["fail", failure]]];
    }
    case "authenticated":
      if (phase !== "opening") return nothing;
      return [
        state,
        [
          ["connect", number],
          ["timer", number, CONNECT_TIMEOUT_MS],
        ],
      ];
    case "unauthenticated":
      return retry(state, "auth_failed", event[2], random, drop(number));
    case "opened":
      if (phase !== "opening") return nothing;
      return [{ ...state, phase: "greeting" }, [["hello", number, state.session]]];
    case "message":
      return number === current ? message(state, event[2]) : nothing;
    case "drained":
      return leave(state, number);
    case "closed":
      return closed(state, number, event[2], event[3], random);
    case "timer":
      return number === current
        ? timer(state, event[2], random)
        : leave(state, number, "the connection did not drain in time");
  }
}

function enter(
  state: ConnectionState,
  phase: Phase,
  code: string,
  changes: Partial<ConnectionState>,
  reason = "",
  attempt = 0,
): ConnectionState {
  const shown = phase === "ready" ? "connected" : phase === "stopped" ? "disconnected" : "connecting";
  return { ...state, ...changes, phase, status: { state: shown, code, reason, attempt } };
}

function open(state: ConnectionState, code: string, ...effects: Effect[]): Step {
  const number = state.number + 1;
  const changes = { number, failure: undefined, refusal: undefined };
  return [
    enter(state, "opening", code, changes, "", state.status.attempt),
    [...effects, ["authenticate", number]],
  ];
}

/** PROTOCOL §2.6: a new connection for what comes, while the calls under way finish on the old one. */
function replace(state: ConnectionState, code: string, drainMs: number): Step {
  const { number } = state;
  const draining = [...state.draining, number];
  return open({ ...state, draining }, code, ["timer", number, drainMs + DRAIN_GRACE_MS]);
}

/** Lets go of a draining connection. */
function leave(state: ConnectionState, number: number, reason?: string): Step {
  return [{ ...state, draining: state.draining.filter((other) => other !== number) }, [drop(number, reason)]];
}

function message(state: ConnectionState, fields: readonly unknown[]): Step {
  const { phase, number } = state;
  const [kind, first, same, told] = fields;
  if (kind === WELCOME && phase === "greeting") {
    // A limit that is missing, or that would let nothing through, is taken from the defaults.
    const positive = Object.entries(told as object).filter(([, limit]) => limit > 0);
    const limits = { ...DEFAULT_LIMITS, ...Object.fromEntries(positive) };
    const changes = { live: number, session: first as string, same: same as boolean, limits };
    return [
      enter(state, "ready", "connected", changes),
      [["timer", number, limits.heartbeat_ms + HEARTBEAT_GRACE_MS], ["ready"]],
    ];
  }
  if (kind === GOAWAY && phase === "ready") return replace(state, "goaway", first as number);
  if (kind !== ERROR) return [state, []];
  const refusal = toRpcError(fields as ErrorMessage);
  return [{ ...state, refusal }, [["report", refusal]]];
}

function closed(state: ConnectionState, number: number, code: number, words: string, random: number): Step {
  const name = closeName(code);
  const reason = words || `the connection closed (${code}, ${name})`;
  if (number !== state.number) return leave(state, number, reason);
  const lost = drop(number, reason);
  if (isReconnectable(code)) return retry(state, name, words, random, lost);
  const status = code === CLOSE_UNAUTHENTICATED ? 401 : 503;
  const error = state.refusal ?? failure(name.toUpperCase(), status, reason);
  return [
    enter(state, "stopped", name, { failure: error, session: undefined }, words),
    [lost, ["fail", error]],
  ];
}

function timer(state: ConnectionState, idleMs: number, random: number): Step {
  const { phase, number, status, limits } = state;
  if (phase === "waiting") return open(state, status.code, drop(number));
  const isReady = phase === "ready";
  const left = limits.heartbeat_ms + HEARTBEAT_GRACE_MS - idleMs;
  if (isReady && left > 0) return [state, [["timer", number, left]]];
  // The socket does not answer, and its close event may take minutes.
  const code = isReady ? "heartbeat" : "connect_timeout";
  const lost = drop(number, `the connection was silent (${code})`, isReady ? CLOSE_HEARTBEAT : undefined);
  return retry(state, code, "", random, lost);
}

function retry(state: ConnectionState, code: string, reason: string, random: number, lost: Effect): Step {
  const { attempt } = state.status;
  // A number of its own for the pause: nothing that the old socket still says can be about it.
  const number = state.number + 1;
  return [
    enter(state, "waiting", code, { number }, reason, attempt + 1),
    [lost, ["timer", number, backoffMs(attempt, random)]],
  ];
}

function drop(number: number, reason = "", code = 1000): Effect {
  return ["drop", number, code, reason];
}
