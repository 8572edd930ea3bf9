import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Credentials } from "../src/ports.js";
import { clientOf, connect, until } from "./support/client.js";
import { FakeClock } from "./support/clock.js";
import { type Peer, ScriptedServer } from "./support/server.js";

let server: ScriptedServer;
beforeEach(async () => {
  server = await ScriptedServer.start();
});
afterEach(() => server.stop());

interface Setup {
  /** How long its identity holds, in milliseconds. */
  readonly life?: number | undefined;
  readonly random?: number;
  /** The longest wait of a timer; one that is to wait longer fires then. */
  readonly longest?: number;
  readonly auth?: () => Promise<Credentials | null>;
}

/** A client that was welcomed; its first `auth()` gives the token 1, the next one 2. */
async function welcomed({ life, random = 0, longest = Number.MAX_VALUE, auth }: Setup) {
  let asked = 0;
  const limits = { heartbeat_ms: 2 ** 40, ...(life !== undefined && { expires_ms: life }) };
  server.onMessage = (peer, message) => {
    if (message.kind === "hello") peer.welcome({ limits });
  };
  const environment = new FakeClock();
  environment.randomValue = random;
  const { client, errors } = clientOf(server, {
    environment: {
      ...environment,
      setTimeout: (run, ms) => environment.setTimeout(run, Math.min(ms, longest)),
    },
    auth: auth ?? (async () => ({ token: ++asked })),
  });
  await connect(client);
  return { client, errors, clock: environment, peer: await server.peer(), asked: () => asked };
}

/** Answers the next refresh. */
async function answer(peer: Peer, life: number | null): Promise<unknown> {
  const { id, credentials } = await peer.next("refresh");
  peer.send({ kind: "result", id, value: life });
  return credentials;
}

function deferred<T>() {
  let resolve = (_: T): void => undefined;
  let reject = (_: unknown): void => undefined;
  const promise = new Promise<T>((...settle) => {
    [resolve, reject] = settle;
  });
  return { promise, resolve, reject };
}

describe("credentials that expire", () => {
  it.each([
    [15 * 60_000, 0, 14 * 60_000],
    [15 * 60_000, 0.999, 14.5 * 60_000],
    [100_000, 0, 80_000],
    [100_000, 0.5, 85_000],
    [1_000, 0, 800],
  ])(
    "in %d ms are renewed a minute or a fifth of that before, or later by chance (%d)",
    async (life, random, after) => {
      const { client, clock, peer, asked } = await welcomed({ life, random });
      clock.advance(after - 1_000 * Math.min(1, life / 2_000));
      expect(asked()).toBe(1);
      clock.advance(1_000);
      expect(await answer(peer, null)).toEqual({ token: 2 });
      client.close();
      expect(clock.pending).toEqual([]);
    },
  );

  it("are renewed again and again, on one connection", async () => {
    const { client, clock, peer } = await welcomed({ life: 100_000 });
    for (let token = 2; token < 6; token++) {
      await until(() => clock.pending[0] === 80_000);
      clock.advance(80_000);
      expect(await answer(peer, 100_000)).toEqual({ token });
    }
    expect(server.peers).toHaveLength(1);
    expect(client.status).toMatchObject({ state: "connected", code: "connected" });
    client.close();
  });

  it("may live longer than a timer counts", async () => {
    const day = 24 * 3_600_000;
    const { client, clock, peer, asked } = await welcomed({ life: 60 * day, longest: 2 ** 31 - 1 });
    clock.advance(59 * day);
    expect(asked()).toBe(1);
    clock.advance(day - 60_000);
    expect(await answer(peer, null)).toEqual({ token: 2 });
    client.close();
  });

  it("that were renewed by the app have the life that the server told then", async () => {
    const { client, clock, peer, asked } = await welcomed({ life: 100_000 });
    const done = client.reauthenticate();
    await answer(peer, 1_000_000);
    await done;
    clock.advance(939_999);
    expect(asked()).toBe(2);
    clock.advance(1);
    expect(await answer(peer, null)).toEqual({ token: 3 });
    client.close();
  });

  it("that hold for ever are left alone, from the start or from a refresh on", async () => {
    const { client, clock, peer, asked } = await welcomed({});
    expect(clock.pending).toEqual([2 ** 40 + 8_000]);
    client.close();
    const other = await welcomed({ life: 100_000 });
    other.clock.advance(80_000);
    await answer(other.peer, null);
    await until(() => other.asked() === 2);
    other.peer.send({ kind: "ping" });
    await other.peer.next("pong");
    other.clock.advance(10_000_000);
    expect([asked(), other.asked(), peer.all("refresh")]).toEqual([1, 2, []]);
    other.client.close();
  });

  it("are left to the next handshake where there are none to send", async () => {
    const { client, clock, peer } = await welcomed({ life: 100_000, auth: async () => null });
    clock.advance(80_000);
    peer.send({ kind: "ping" });
    await peer.next("pong");
    expect(clock.pending).toHaveLength(1);
    expect(peer.all("refresh")).toEqual([]);
    peer.socket.close(4004, "identity_expired");
    await until(() => client.status.code === "identity_expired");
    expect(client.status).toMatchObject({ state: "connecting", attempt: 1 });
    client.close();
  });
});

describe("credentials that cannot be had", () => {
  it("are asked for again, with longer and longer pauses, and each failure is reported", async () => {
    let times = 0;
    const auth = async () => {
      if (++times > 1 && times < 5) throw new Error(`no ${times}`);
      return { token: times };
    };
    const { client, clock, errors, peer } = await welcomed({ life: 1_000_000, random: 0.5, auth });
    clock.advance(955_000);
    for (const pause of [150, 300, 600]) {
      await until(() => clock.pending[0] === pause);
      expect(client.status.state).toBe("connected");
      clock.advance(pause);
    }
    expect(await answer(peer, null)).toEqual({ token: 5 });
    expect(errors).toEqual([new Error("no 2"), new Error("no 3"), new Error("no 4")]);
    client.close();
  });

  it("are had anew by the connection that follows the one that expired", async () => {
    let times = 0;
    const auth = async () => {
      if (++times === 2) throw new Error("away");
      return { token: times };
    };
    const { client, clock, errors, peer } = await welcomed({ life: 1_000, random: 0.999, auth });
    clock.advance(950);
    await until(() => errors.length === 1);
    peer.socket.close(4004, "identity_expired");
    await until(() => client.status.code === "identity_expired");
    // Of the two pauses only the connection's is left.
    expect(clock.pending).toHaveLength(1);
    clock.advance(1_200);
    const next = await server.peer();
    expect((await next.next("hello")).credentials).toEqual({ token: 3 });
    client.close();
  });

  it.each(["come", "fail"])(
    "and %s too late for their connection are nothing to the next one",
    async (how) => {
      const slow = deferred<Credentials>();
      let times = 0;
      const auth = async () => (++times === 2 ? slow.promise : { token: times });
      const { client, clock, errors, peer } = await welcomed({ life: 1_000_000, auth });
      clock.advance(940_000);
      await until(() => times === 2);
      peer.socket.terminate();
      await until(() => client.status.attempt === 1);
      clock.advance(300);
      await until(() => client.status.state === "connected");
      const timers = clock.pending;
      if (how === "come") slow.resolve({ token: "late" });
      else slow.reject(new Error("late"));
      const next = await server.peer();
      const sum = client.with({ timeout: 0 }).add(1, 2);
      const { id } = await next.next("call");
      next.send({ kind: "result", id, value: 3 });
      expect(await sum).toBe(3);
      expect([next.all("refresh"), errors, clock.pending]).toEqual([[], [], timers]);
      client.close();
    },
  );

  it("in time, because the connection went while the app asked for them, go with the next hello", async () => {
    const slow = deferred<Credentials>();
    let times = 0;
    const auth = async () => (++times === 2 ? slow.promise : { token: times });
    const { client, clock, peer } = await welcomed({ auth });
    const done = client.reauthenticate();
    peer.socket.terminate();
    await until(() => client.status.attempt === 1);
    clock.advance(300);
    await until(() => client.status.state === "connected");
    slow.resolve({ token: "late" });
    const next = await server.peer();
    expect(await answer(next, null)).toEqual({ token: 4 });
    await done;
    client.close();
  });

  it("that are refused stop the client with the server's words", async () => {
    const { client, clock, errors, peer } = await welcomed({ life: 1_000_000 });
    clock.advance(940_000);
    const { id } = await peer.next("refresh");
    peer.send({ kind: "error", id, status: 401, code: "UNAUTHENTICATED", detail: "no more" });
    peer.socket.close(4501, "unauthenticated");
    await until(() => client.status.state === "disconnected");
    expect(client.status.code).toBe("unauthenticated");
    expect([clock.pending, errors]).toEqual([[], []]);
    client.close();
  });

  it("that the server cannot judge now are told again later", async () => {
    const { client, clock, errors, peer } = await welcomed({ life: 1_000_000, random: 0.5 });
    clock.advance(955_000);
    const { id } = await peer.next("refresh");
    peer.send({ kind: "error", id, status: 503, code: "UNAVAILABLE", detail: "later" });
    await until(() => errors.length === 1);
    clock.advance(150);
    expect(await answer(peer, null)).toEqual({ token: 3 });
    client.close();
  });
});
