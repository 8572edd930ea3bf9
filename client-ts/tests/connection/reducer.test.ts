import { describe, expect, it } from "vitest";
import { backoffMs } from "../../src/connection/backoff.js";
import {
  type ConnectionEvent,
  type ConnectionState,
  type Effect,
  INITIAL,
  reduce,
} from "../../src/connection/reducer.js";
import { type Message, toElements } from "../support/messages.js";

const message = (number: number, message: Message): ConnectionEvent => [
  "message",
  number,
  toElements(message),
];
const welcome = (number: number): ConnectionEvent =>
  message(number, {
    kind: "welcome",
    session: "s",
    same: true,
    limits: { heartbeat_ms: 1_000, max_calls: 0 },
  });
const closed = (number: number, code: number): ConnectionEvent => ["closed", number, code, ""];
const timer = (number: number, idleMs = 0): ConnectionEvent => ["timer", number, idleMs];
const opened = (number: number): ConnectionEvent => ["opened", number];

function run(...events: ConnectionEvent[]): ConnectionState {
  return events.reduce((state, event) => reduce(state, event, 0)[0], INITIAL);
}

const opening = run(["wanted"], ["authenticated", 1]);
const greeting = run(["wanted"], opened(1));
const ready = run(["wanted"], opened(1), welcome(1));
const waiting = run(["wanted"], closed(1, 1006));
const stopped = run(["wanted"], closed(1, 4501));
const draining = run(["wanted"], opened(1), welcome(1), message(1, { kind: "goaway", drain_ms: 100 }));
const states = { idle: INITIAL, opening, greeting, ready, waiting, stopped, draining };

type Row = [
  from: keyof typeof states,
  event: ConnectionEvent,
  phase: string,
  code: string,
  effects: string[],
];

/** An effect in one line, without the words and values that tests of their own look at. */
const name = (effect: Effect): string => {
  if (effect[0] === "drop") return effect.slice(0, 3).join(" ");
  if (effect[0] === "hello" || effect[0] === "fail" || effect[0] === "report") return effect[0];
  return effect.join(" ");
};

const goaway: Message = { kind: "goaway", drain_ms: 100 };
const TABLE: Row[] = [
  ["idle", ["wanted"], "opening", "requested", ["authenticate 1"]],
  ["idle", ["online"], "idle", "idle", []],
  ["idle", ["restart"], "idle", "idle", []],
  ["idle", ["shutdown"], "stopped", "closed", ["drop 0 1000", "fail"]],

  ["opening", ["wanted"], "opening", "requested", []],
  ["opening", ["authenticated", 1], "opening", "requested", ["connect 1", "timer 1 20000"]],
  ["opening", opened(1), "greeting", "requested", ["hello"]],
  ["opening", opened(7), "opening", "requested", []],
  ["opening", message(1, goaway), "opening", "requested", []],
  ["opening", closed(1, 1006), "waiting", "connection_lost", ["drop 1 1000", "timer 2 500"]],
  ["opening", closed(1, 4501), "stopped", "unauthenticated", ["drop 1 1000", "fail"]],
  ["opening", timer(1), "waiting", "connect_timeout", ["drop 1 1000", "timer 2 500"]],
  ["opening", ["unauthenticated", 1, "no"], "waiting", "auth_failed", ["drop 1 1000", "timer 2 500"]],
  ["opening", ["restart"], "opening", "restarted", ["drop 1 1000", "authenticate 2"]],

  ["greeting", ["wanted"], "greeting", "requested", []],
  ["greeting", ["authenticated", 1], "greeting", "requested", []],
  ["greeting", welcome(1), "ready", "connected", ["timer 1 9000", "ready"]],
  ["greeting", message(1, goaway), "greeting", "requested", []],
  ["greeting", closed(1, 4000), "waiting", "going_away", ["drop 1 1000", "timer 2 500"]],
  ["greeting", closed(1, 4501), "stopped", "unauthenticated", ["drop 1 1000", "fail"]],
  ["greeting", timer(1), "waiting", "connect_timeout", ["drop 1 1000", "timer 2 500"]],
  ["greeting", ["restart"], "opening", "restarted", ["timer 1 38000", "authenticate 2"]],

  ["ready", ["wanted"], "ready", "connected", []],
  ["ready", ["online"], "ready", "connected", []],
  ["ready", ["restart"], "opening", "restarted", ["timer 1 38000", "authenticate 2"]],
  ["ready", welcome(1), "ready", "connected", []],
  ["ready", message(1, { kind: "pong" }), "ready", "connected", []],
  ["ready", timer(1, 8_999), "ready", "connected", ["timer 1 1"]],
  ["ready", timer(1, 9_000), "waiting", "heartbeat", ["drop 1 4002", "timer 2 500"]],
  ["ready", closed(1, 4001), "waiting", "slow", ["drop 1 1000", "timer 2 500"]],
  ["ready", closed(1, 4502), "stopped", "frame_too_large", ["drop 1 1000", "fail"]],
  ["ready", closed(7, 4502), "ready", "connected", []],
  ["ready", message(1, goaway), "opening", "goaway", ["timer 1 8100", "authenticate 2"]],

  ["waiting", ["wanted"], "waiting", "connection_lost", []],
  ["waiting", ["online"], "opening", "online", ["drop 2 1000", "authenticate 3"]],
  ["waiting", timer(2), "opening", "connection_lost", ["drop 2 1000", "authenticate 3"]],
  ["waiting", timer(1), "waiting", "connection_lost", []],
  ["waiting", closed(1, 4501), "waiting", "connection_lost", []],
  ["waiting", welcome(1), "waiting", "connection_lost", []],

  ["stopped", ["wanted"], "stopped", "unauthenticated", []],
  ["stopped", ["online"], "stopped", "unauthenticated", []],
  ["stopped", ["restart"], "opening", "restarted", ["drop 1 1000", "authenticate 2"]],

  ["draining", message(1, goaway), "opening", "goaway", []],
  ["draining", closed(1, 4000), "opening", "goaway", ["drop 1 1000"]],
  ["draining", closed(1, 4501), "opening", "goaway", ["drop 1 1000"]],
  ["draining", timer(1), "opening", "goaway", ["drop 1 1000"]],
  ["draining", ["drained", 1], "opening", "goaway", ["drop 1 1000"]],
  ["draining", opened(2), "greeting", "goaway", ["hello"]],
  ["draining", ["shutdown"], "stopped", "closed", ["drop 2 1000", "drop 1 1000", "fail"]],
];

const rows = TABLE.map(([from, event, ...rest]) => ({ from, what: JSON.stringify(event), event, rest }));

describe("the table", () => {
  it.each(rows)("$from: $what", ({ from, event, rest: [phase, code, effects] }) => {
    const before = JSON.stringify(states[from]);
    const [state, done] = reduce(states[from], event, 0);
    expect(state).toMatchObject({ phase, status: { code } });
    expect(done.map(name)).toEqual(effects);
    expect(JSON.stringify(states[from])).toBe(before);
  });
});

it("keeps the session for the next hello, until the server refuses it", () => {
  const again = run(["wanted"], opened(1), welcome(1), closed(1, 1006), timer(2), ["authenticated", 3]);
  expect(reduce(again, opened(3), 0)[1]).toEqual([["hello", 3, "s"]]);
  expect(reduce(again, closed(3, 4501), 0)[0].session).toBeUndefined();
});

it("takes limits that are missing or zero from the defaults", () => {
  expect(ready.limits).toMatchObject({ heartbeat_ms: 1_000, max_calls: 64, stream_items: 64 });
});

it("takes events of the connection that was welcomed last", () => {
  expect(draining.live).toBe(1);
  const next = [opened(2), welcome(2)].reduce((state, event) => reduce(state, event, 0)[0], draining);
  expect(next.live).toBe(2);
});

it("explains a terminal close with the error that came before it", () => {
  const refused = message(1, {
    kind: "error",
    id: null,
    status: 401,
    code: "UNAUTHENTICATED",
    detail: "who?",
  });
  const [, effects] = reduce(run(["wanted"], refused), closed(1, 4501), 0);
  expect(effects.at(-1)).toMatchObject(["fail", { detail: "who?", status: 401, maybeExecuted: false }]);
});

it("backs off between 0.5 and 20 seconds", () => {
  for (let attempt = 0; attempt < 2_000; attempt++) {
    for (const random of [0, 0.5, 0.999_999]) {
      const ms = backoffMs(attempt, random);
      expect(ms).toBeGreaterThanOrEqual(500);
      expect(ms).toBeLessThanOrEqual(20_000);
    }
  }
  expect(backoffMs(2, 0.5)).toBe(1_500);
});
