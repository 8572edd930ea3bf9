import { describe, expect, it } from "vitest";
import { backoffMs } from "../../src/connection/backoff.js";
import {
  type ConnectionEvent,
  type ConnectionState,
  type Effect,
  INITIAL,
  reduce,
} from "../../src/connection/reducer.js";
import type { Message } from "../../src/wire/messages.js";

const message = (number: number, message: Message): ConnectionEvent => ({ type: "message", number, message });
const welcome = (number: number): ConnectionEvent =>
  message(number, {
    kind: "welcome",
    session: "s",
    same: true,
    limits: { heartbeat_ms: 1_000, max_calls: 0 },
  });
const closed = (number: number, code: number): ConnectionEvent => ({
  type: "closed",
  number,
  code,
  reason: "",
  random: 0,
});
const timer = (number: number, now = 0): ConnectionEvent => ({ type: "timer", number, now, random: 0 });

function run(...events: ConnectionEvent[]): ConnectionState {
  return events.reduce((state, event) => reduce(state, event)[0], INITIAL);
}

const opening = run({ type: "wanted" }, { type: "credentials", number: 1 });
const ready = run({ type: "wanted" }, welcome(1));
const waiting = run({ type: "wanted" }, closed(1, 1006));
const stopped = run({ type: "wanted" }, closed(1, 4501));
const draining = run({ type: "wanted" }, welcome(1), message(1, { kind: "goaway", drain_ms: 100 }));
const states = { idle: INITIAL, opening, ready, waiting, stopped, draining };

type Row = [
  from: keyof typeof states,
  event: ConnectionEvent,
  phase: string,
  code: string,
  effects: string[],
];

const name = (effect: Effect): string => {
  if (effect.do === "timer") return `timer ${effect.number} ${effect.ms}`;
  if (effect.do === "close") return `close ${effect.number} ${effect.code}`;
  return "number" in effect ? `${effect.do} ${effect.number}` : effect.do;
};

const TABLE: Row[] = [
  ["idle", { type: "wanted" }, "opening", "requested", ["clear 0", "authenticate 1"]],
  ["idle", { type: "online" }, "idle", "idle", []],
  ["idle", { type: "restart" }, "idle", "idle", []],
  ["idle", { type: "shutdown" }, "stopped", "closed", ["clear 0", "close 0 1000", "lost 0", "fail"]],

  ["opening", { type: "wanted" }, "opening", "requested", []],
  ["opening", { type: "credentials", number: 1 }, "opening", "requested", ["connect 1", "timer 1 20000"]],
  ["opening", { type: "opened", number: 1 }, "opening", "requested", ["hello 1"]],
  ["opening", { type: "opened", number: 7 }, "opening", "requested", []],
  ["opening", welcome(1), "ready", "connected", ["timer 1 9000", "ready"]],
  ["opening", message(1, { kind: "goaway", drain_ms: 1 }), "opening", "requested", []],
  ["opening", closed(1, 1006), "waiting", "connection_lost", ["clear 1", "lost 1", "clear 1", "timer 2 500"]],
  ["opening", closed(1, 4501), "stopped", "unauthenticated", ["clear 1", "lost 1", "fail"]],
  ["opening", timer(1), "waiting", "connect_timeout", ["close 1 1000", "lost 1", "clear 1", "timer 2 500"]],
  [
    "opening",
    { type: "auth_failed", number: 1, reason: "no", random: 0 },
    "waiting",
    "auth_failed",
    ["clear 1", "timer 2 500"],
  ],
  [
    "opening",
    { type: "restart" },
    "opening",
    "restarted",
    ["clear 1", "close 1 1000", "clear 1", "authenticate 2"],
  ],

  ["ready", { type: "wanted" }, "ready", "connected", []],
  ["ready", { type: "online" }, "ready", "connected", []],
  ["ready", { type: "restart" }, "opening", "restarted", ["clear 1", "authenticate 2", "timer 1 38000"]],
  ["ready", welcome(1), "ready", "connected", []],
  ["ready", message(1, { kind: "ping" }), "ready", "connected", ["pong 1"]],
  ["ready", message(1, { kind: "pong" }), "ready", "connected", []],
  ["ready", message(1, { kind: "event", name: "x", value: 1 }), "ready", "connected", ["event"]],
  ["ready", timer(1, 8_999), "ready", "connected", ["timer 1 1"]],
  ["ready", timer(1, 9_000), "waiting", "heartbeat", ["close 1 4002", "lost 1", "clear 1", "timer 2 500"]],
  ["ready", closed(1, 4001), "waiting", "slow", ["clear 1", "lost 1", "clear 1", "timer 2 500"]],
  ["ready", closed(1, 4502), "stopped", "frame_too_large", ["clear 1", "lost 1", "fail"]],
  ["ready", closed(7, 4502), "ready", "connected", []],
  [
    "ready",
    message(1, { kind: "goaway", drain_ms: 100 }),
    "opening",
    "goaway",
    ["clear 1", "authenticate 2", "timer 1 8100"],
  ],

  ["waiting", { type: "wanted" }, "waiting", "connection_lost", []],
  ["waiting", { type: "online" }, "opening", "online", ["clear 2", "authenticate 3"]],
  ["waiting", timer(2), "opening", "connection_lost", ["clear 2", "authenticate 3"]],
  ["waiting", timer(1), "waiting", "connection_lost", []],
  ["waiting", closed(1, 4501), "waiting", "connection_lost", []],
  ["waiting", welcome(1), "waiting", "connection_lost", []],

  ["stopped", { type: "wanted" }, "stopped", "unauthenticated", []],
  ["stopped", { type: "online" }, "stopped", "unauthenticated", []],
  [
    "stopped",
    { type: "restart" },
    "opening",
    "restarted",
    ["clear 1", "close 1 1000", "clear 1", "authenticate 2"],
  ],

  ["draining", message(1, { kind: "ping" }), "opening", "goaway", ["pong 1"]],
  ["draining", message(1, { kind: "event", name: "x", value: 1 }), "opening", "goaway", ["event"]],
  ["draining", message(1, { kind: "goaway", drain_ms: 1 }), "opening", "goaway", []],
  ["draining", closed(1, 4501), "opening", "goaway", ["clear 1", "lost 1"]],
  ["draining", timer(1), "opening", "goaway", ["clear 1", "close 1 1000", "lost 1"]],
  ["draining", { type: "drained", number: 1 }, "opening", "goaway", ["clear 1", "close 1 1000"]],
  ["draining", welcome(2), "ready", "connected", ["timer 2 9000", "ready"]],
  [
    "draining",
    { type: "shutdown" },
    "stopped",
    "closed",
    ["clear 2", "close 2 1000", "lost 2", "clear 1", "close 1 1000", "lost 1", "fail"],
  ],
];

const rows = TABLE.map(([from, event, ...rest]) => ({ from, what: JSON.stringify(event), event, rest }));

describe("the table", () => {
  it.each(rows)("$from: $what", ({ from, event, rest: [phase, code, effects] }) => {
    const before = structuredClone(states[from]);
    const [state, done] = reduce(states[from], event);
    expect(state).toMatchObject({ phase, status: { code } });
    expect(done.map(name)).toEqual(effects);
    expect(states[from]).toEqual(before);
  });
});

it("keeps the session for the next hello, until the server refuses it", () => {
  const again = run({ type: "wanted" }, welcome(1), closed(1, 1006), timer(2), {
    type: "credentials",
    number: 3,
  });
  expect(reduce(again, { type: "opened", number: 3 })[1]).toEqual([{ do: "hello", number: 3, session: "s" }]);
  expect(reduce(again, closed(3, 4501))[0].session).toBeUndefined();
});

it("takes limits that are missing or zero from the defaults", () => {
  expect(ready.limits).toMatchObject({ heartbeat_ms: 1_000, max_calls: 64, stream_items: 64 });
});

it("delivers events of the connection that was welcomed last, and of no other", () => {
  const next = reduce(draining, welcome(2))[0];
  const event: Message = { kind: "event", name: "x", value: 1 };
  expect(reduce(next, message(1, event))[1]).toEqual([]);
  expect(reduce(next, message(2, event))[1]).toHaveLength(1);
});

it("explains a terminal close with the error that came before it", () => {
  const refused = message(1, {
    kind: "error",
    id: null,
    status: 401,
    code: "UNAUTHENTICATED",
    detail: "who?",
  });
  const [, effects] = reduce(run({ type: "wanted" }, refused), closed(1, 4501));
  expect(effects.at(-1)).toMatchObject({ do: "fail", failure: { detail: "who?" } });
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
