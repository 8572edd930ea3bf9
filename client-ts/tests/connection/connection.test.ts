import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { type Connection, createConnection } from "../../src/connection/connection.js";
import type { ConnectionListener } from "../../src/connection/options.js";
import type { Credentials } from "../../src/ports.js";
import { FakeClock } from "../support/clock.js";
import type { Message } from "../support/messages.js";
import { type FakeSocket, fakeSockets, settled } from "../support/socket.js";

const goaway: Message = { kind: "goaway", drain_ms: 100 };
const welcome: Message = {
  kind: "welcome",
  session: "s",
  same: true,
  limits: { heartbeat_ms: 1_000, max_calls: 0 },
};

/** A connection without a network or a clock of its own. Its deeds are told in the order in which they are done. */
class Machine {
  readonly clock = new FakeClock();
  readonly sockets: FakeSocket[];
  readonly deeds: string[] = [];
  readonly connection: Connection;
  auth: () => Promise<Credentials | null> | null = () => null;

  constructor() {
    const { WebSocket, sockets } = fakeSockets();
    const { deeds } = this;
    this.sockets = sockets;
    const listeners = new Set<ConnectionListener>([
      {
        event: (name) => deeds.push(`event ${name}`),
        fail: ({ code }) => deeds.push(`fail ${code}`),
        stale: (server) => server && deeds.push(`stale ${server}`),
        status: () => deeds.push(`status ${this.connection.status().code}`),
      },
    ]);
    class Socket extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        deeds.push(`socket ${sockets.length}`);
      }
      override close(code?: number): void {
        super.close(code);
        deeds.push(`close ${sockets.indexOf(this as unknown as FakeSocket) + 1} ${code}`);
      }
    }
    this.connection = createConnection({
      url: "ws://test/_ws",
      WebSocket: Socket,
      calls: "hash",
      timeoutMs: 0,
      auth: () => {
        deeds.push("auth");
        return this.auth();
      },
      environment: this.clock,
      onError: (error) => deeds.push(`report ${(error as Error).message}`),
      uploads: undefined,
      listeners,
    });
  }

  socket(number: number): FakeSocket {
    return this.sockets[number - 1] ?? expect.unreachable();
  }
}

/** What the platform would tell that it is online again. */
const platform = new Set<(event: { type: string }) => void>();
vi.stubGlobal("addEventListener", (_: string, run: () => void) => platform.add(run));
vi.stubGlobal("removeEventListener", (_: string, run: () => void) => platform.delete(run));
afterAll(() => {
  vi.unstubAllGlobals();
});

const machines: Machine[] = [];
afterEach(() => {
  for (const { connection } of machines.splice(0)) connection.close();
  expect(platform.size).toBe(0);
});

type Step = (machine: Machine) => unknown;
const want: Step = ({ connection }) => connection.want();
const online: Step = () => {
  for (const run of platform) run({ type: "online" });
};
const restart: Step = ({ connection }) => void connection.reauthenticate().catch(() => undefined);
const shutdown: Step = ({ connection }) => connection.close();
const opened =
  (number: number): Step =>
  (machine) =>
    machine.socket(number).opened();
const message =
  (number: number, ...messages: Message[]): Step =>
  (machine) =>
    machine.socket(number).receives(...messages);
const closed =
  (number: number, code: number): Step =>
  (machine) =>
    machine.socket(number).closes(code);
const pass =
  (ms: number): Step =>
  ({ clock }) =>
    clock.advance(ms);
const refuse: Step = (machine) => {
  machine.auth = () => Promise.reject(new Error("no"));
};
const hang: Step = (machine) => {
  machine.auth = () => new Promise(() => undefined);
};

async function run(...steps: Step[]): Promise<Machine> {
  const machine = new Machine();
  machines.push(machine);
  await go(machine, ...steps);
  machine.deeds.length = 0;
  return machine;
}

async function go(machine: Machine, ...steps: Step[]): Promise<void> {
  for (const step of steps) {
    step(machine);
    await settled();
  }
}

const states = {
  idle: [],
  authenticating: [hang, want],
  opening: [want],
  greeting: [want, opened(1)],
  ready: [want, opened(1), message(1, welcome)],
  waiting: [want, closed(1, 1006)],
  stopped: [want, closed(1, 4501)],
  draining: [want, opened(1), message(1, welcome), message(1, goaway)],
} satisfies Record<string, Step[]>;

type Row = [
  from: keyof typeof states,
  name: string,
  event: Step,
  status: string,
  deeds: string[],
  /** The waits that are set then. */
  timers: number[],
];

const TABLE: Row[] = [
  ["idle", "online", online, "disconnected idle", [], []],
  ["idle", "wanted", want, "connecting requested", ["auth", "status requested", "socket 1"], [20_000]],
  ["idle", "restart", restart, "disconnected idle", [], []],
  ["idle", "shutdown", shutdown, "disconnected closed", ["fail CONNECTION_LOST", "status closed"], []],

  ["authenticating", "online", online, "connecting requested", [], []],
  ["authenticating", "wanted", want, "connecting requested", [], []],
  ["authenticating", "restart", restart, "connecting restarted", ["auth", "status restarted"], []],
  [
    "authenticating",
    "shutdown",
    shutdown,
    "disconnected closed",
    ["fail CONNECTION_LOST", "status closed"],
    [],
  ],

  ["opening", "online", online, "connecting requested", [], [20_000]],
  ["opening", "wanted", want, "connecting requested", [], [20_000]],
  ["opening", "opened", opened(1), "connecting requested", [], [20_000]],
  [
    "opening",
    "lost",
    closed(1, 1006),
    "connecting connection_lost",
    ["close 1 1000", "status connection_lost"],
    [150],
  ],
  [
    "opening",
    "refused",
    closed(1, 4501),
    "disconnected unauthenticated",
    ["close 1 1000", "fail UNAUTHENTICATED", "status unauthenticated"],
    [],
  ],
  [
    "opening",
    "time is over",
    pass(20_000),
    "connecting connect_timeout",
    ["close 1 1000", "status connect_timeout"],
    [150],
  ],
  [
    "opening",
    "restart",
    restart,
    "connecting restarted",
    ["close 1 1000", "auth", "status restarted", "socket 2"],
    [20_000],
  ],

  ["greeting", "wanted", want, "connecting requested", [], [20_000]],
  ["greeting", "welcome", message(1, welcome), "connected connected", ["status connected"], [9_000]],
  ["greeting", "goaway", message(1, goaway), "connecting requested", [], [20_000]],
  [
    "greeting",
    "closed",
    closed(1, 4000),
    "connecting going_away",
    ["close 1 1000", "status going_away"],
    [150],
  ],
  [
    "greeting",
    "refused",
    closed(1, 4501),
    "disconnected unauthenticated",
    ["close 1 1000", "fail UNAUTHENTICATED", "status unauthenticated"],
    [],
  ],
  [
    "greeting",
    "time is over",
    pass(20_000),
    "connecting connect_timeout",
    ["close 1 1000", "status connect_timeout"],
    [150],
  ],
  [
    "greeting",
    "restart",
    restart,
    "connecting restarted",
    ["auth", "status restarted", "socket 2"],
    [20_000, 38_000],
  ],

  ["ready", "online", online, "connected connected", [], [9_000]],
  ["ready", "wanted", want, "connected connected", [], [9_000]],
  [
    "ready",
    "restart",
    restart,
    "connecting restarted",
    ["auth", "status restarted", "socket 2"],
    [20_000, 38_000],
  ],
  ["ready", "welcome again", message(1, welcome), "connected connected", [], [9_000]],
  ["ready", "pong", message(1, { kind: "pong" }), "connected connected", [], [9_000]],
  ["ready", "nearly silent", pass(8_999), "connected connected", [], [1]],
  ["ready", "silent", pass(9_000), "connecting heartbeat", ["close 1 4002", "status heartbeat"], [150]],
  ["ready", "closed", closed(1, 4001), "connecting slow", ["close 1 1000", "status slow"], [600]],
  [
    "ready",
    "closed for good",
    closed(1, 4502),
    "disconnected frame_too_large",
    ["close 1 1000", "fail FRAME_TOO_LARGE", "status frame_too_large"],
    [],
  ],
  [
    "ready",
    "goaway",
    message(1, goaway),
    "connecting goaway",
    ["auth", "status goaway", "socket 2"],
    [8_100, 20_000],
  ],

  ["waiting", "wanted", want, "connecting connection_lost", [], [150]],
  [
    "waiting",
    "the pause is over",
    pass(150),
    "connecting connection_lost",
    ["auth", "status connection_lost", "socket 2"],
    [20_000],
  ],
  ["waiting", "online", online, "connecting online", ["auth", "status online", "socket 2"], [20_000]],
  ["waiting", "a late close", closed(1, 4501), "connecting connection_lost", [], [150]],
  ["waiting", "a late welcome", message(1, welcome), "connecting connection_lost", [], [150]],
  ["waiting", "restart", restart, "connecting restarted", ["auth", "status restarted", "socket 2"], [20_000]],
  ["waiting", "shutdown", shutdown, "disconnected closed", ["fail CONNECTION_LOST", "status closed"], []],

  ["stopped", "online", online, "disconnected unauthenticated", [], []],
  ["stopped", "wanted", want, "disconnected unauthenticated", [], []],
  ["stopped", "restart", restart, "connecting restarted", ["auth", "status restarted", "socket 2"], [20_000]],

  ["draining", "goaway again", message(1, goaway), "connecting goaway", ["close 1 1000"], [20_000]],
  ["draining", "closed", closed(1, 4000), "connecting goaway", ["close 1 1000"], [20_000]],
  ["draining", "closed for good", closed(1, 4501), "connecting goaway", ["close 1 1000"], [20_000]],
  ["draining", "time is over", pass(8_100), "connecting goaway", ["close 1 1000"], [11_900]],
  ["draining", "opened", opened(2), "connecting goaway", [], [8_100, 20_000]],
  [
    "draining",
    "shutdown",
    shutdown,
    "disconnected closed",
    ["close 1 1000", "close 2 1000", "fail CONNECTION_LOST", "status closed"],
    [],
  ],
];

describe("the table", () => {
  it.each(TABLE)("%s: %s", async (from, _, event, status, deeds, timers) => {
    const machine = await run(...states[from]);
    await go(machine, event);
    const { state, code } = machine.connection.status();
    expect(`${state} ${code}`).toBe(status);
    expect(machine.deeds).toEqual(deeds);
    expect(machine.clock.pending).toEqual(timers);
  });
});

it("takes events of the connection that said hello last", async () => {
  const machine = await run(...states.draining, opened(2));
  const event: Message = { kind: "event", name: "Tick", value: 1 };
  // What comes here now, the other one is sent again.
  await go(machine, message(1, event));
  await go(machine, message(2, welcome, event));
  expect(machine.deeds).toEqual(["close 1 1000", "status connected", "event Tick"]);
});

it("asks for credentials again when they could not be had", async () => {
  const machine = await run(refuse, want);
  expect(machine.connection.status()).toMatchObject({ code: "auth_failed", reason: "no", attempt: 1 });
  machine.auth = () => null;
  await go(machine, pass(150));
  expect(machine.deeds).toEqual(["auth", "status auth_failed", "socket 1"]);
});

it("reports a socket that cannot be made, and tries again", async () => {
  const machine = await run();
  machine.auth = () => Promise.resolve({ token: new Map() });
  await go(machine, want);
  expect(machine.deeds).toEqual([
    "auth",
    "status requested",
    "report cannot send a Map (at token)",
    "status auth_failed",
  ]);
});

it("keeps the session for the next hello, until the server refuses it", async () => {
  const machine = await run(...states.ready, closed(1, 1006), pass(600), opened(2));
  expect(machine.socket(2).messages).toMatchObject([{ kind: "hello", session: "s" }]);
  await go(machine, closed(2, 4501), restart, opened(3));
  expect(machine.socket(3).messages).toEqual([{ kind: "hello", calls: "hash" }]);
});

it("explains a terminal close with the error that came before it", async () => {
  const refusal = { kind: "error", id: null, status: 401, code: "UNAUTHENTICATED", detail: "who?" } as const;
  const machine = await run(...states.greeting, message(1, refusal), closed(1, 4501));
  expect(machine.connection.failure()).toMatchObject({ detail: "who?", status: 401, maybeExecuted: false });
});
