import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createClient } from "../src/index.js";
import { clientOf, connect, descriptor, until } from "./support/client.js";
import { Page } from "./support/page.js";
import { ScriptedServer } from "./support/server.js";

let server: ScriptedServer;
let page: Page;
beforeEach(async () => {
  server = await ScriptedServer.start();
  page = new Page();
});
afterEach(async () => {
  expect(page.heard, "listeners left behind").toBe(0);
  page.leave();
  await server.stop();
});

/** A client whose third attempt in a row is still to come. */
async function waiting() {
  const { client, clock } = clientOf(server);
  clock.randomValue = 0.999;
  await connect(client);
  const welcomes = server.onMessage;
  server.onMessage = (peer) => peer.socket.terminate();
  (await server.peer()).socket.terminate();
  for (let attempt = 1; attempt <= 3; attempt++) {
    await until(() => client.status.attempt === attempt);
    if (attempt < 3) clock.advance(20_000);
  }
  server.onMessage = welcomes;
  const tried = server.peers.length;
  return { client, clock, tried, next: () => until(() => server.peers.length === tried + 1) };
}

describe("a client that waits for its next attempt", () => {
  it.each([
    ["visible", () => page.show()],
    ["visible", () => page.fire("pageshow")],
    ["online", () => page.goOnline()],
  ] as const)("tries at once when its page is %s", async (code, happens) => {
    const { client, clock, next } = await waiting();
    happens();
    expect(client.status).toMatchObject({ state: "connecting", code, attempt: 1 });
    await next();
    await until(() => client.status.state === "connected");
    expect(clock.pending).toEqual([33_000]);
    client.close();
  });

  it("does so too when nothing but the network is looked after", async () => {
    const { upkeep: _, ...bare } = descriptor;
    const { WebSocket } = await import("ws");
    const client = createClient(bare, { url: server.url, WebSocket, environment: { random: () => 0.999 } });
    client.on("Tick" as never, () => undefined);
    await until(() => client.status.state === "connected");
    (await server.peer()).socket.terminate();
    await until(() => client.status.attempt === 1);
    page.goOnline();
    expect(client.status.code).toBe("online");
    await until(() => client.status.state === "connected");
    client.close();
  });

  it("goes on waiting while its page is hidden", async () => {
    const { client, clock, tried } = await waiting();
    const pause = clock.pending;
    page.hide();
    expect(clock.pending).toEqual(pause);
    expect(server.peers).toHaveLength(tried);
    client.close();
  });

  it("waits as short as at first when that attempt fails as well", async () => {
    const { client, clock } = await waiting();
    expect(clock.pending[0]).toBeGreaterThan(1_000);
    server.onMessage = (peer) => peer.socket.terminate();
    page.goOnline();
    await until(() => client.status.attempt === 2);
    expect(clock.pending).toEqual([599]);
    client.close();
  });
});

describe("a connection that looks open", () => {
  async function connected() {
    const { client, clock } = clientOf(server, { timeout: 0 });
    await connect(client);
    return { client, clock, peer: await server.peer() };
  }

  it.each([
    ["shown", () => page.show()],
    ["restored", () => page.fire("pageshow")],
    ["online again", () => page.goOnline()],
  ])("is asked for a sign of life when its page is %s", async (_, happens) => {
    const { client, clock, peer } = await connected();
    clock.advance(1_000);
    happens();
    await peer.next("ping");
    clock.advance(100);
    const tick = client.once("Tick");
    peer.send({ kind: "pong" }, { kind: "event", name: "Tick", value: 1 });
    await tick;
    clock.advance(4_000);
    expect(client.status.state).toBe("connected");
    expect(server.peers).toHaveLength(1);
    client.close();
  });

  it("is given up when no sign comes within 4 s, and what it carried may have been executed", async () => {
    const { client, clock, peer } = await connected();
    const sum = expect(client.add(1, 2)).rejects.toMatchObject({
      code: "CONNECTION_LOST",
      maybeExecuted: true,
    });
    await peer.next("call");
    clock.advance(1_000);
    page.hide();
    page.show();
    await peer.next("ping");
    clock.advance(1_000);
    page.hide();
    page.show();
    await peer.next("ping");
    clock.advance(2_999);
    expect(client.status.state).toBe("connected");
    clock.advance(1);
    expect(client.status).toMatchObject({ state: "connecting", code: "heartbeat", attempt: 1 });
    await sum;
    expect(await peer.closed).toBe(4002);
    clock.advance(300);
    await until(() => client.status.state === "connected");
    client.close();
  });

  it("that is lost before it answers does not take its successor along", async () => {
    const { client, clock, peer } = await connected();
    clock.advance(1_000);
    page.show();
    await peer.next("ping");
    peer.socket.terminate();
    await until(() => client.status.attempt === 1);
    clock.advance(300);
    await until(() => client.status.state === "connected");
    clock.advance(4_000);
    expect(client.status.state).toBe("connected");
    client.close();
  });

  it("is not asked while its page is hidden", async () => {
    const { client, peer } = await connected();
    page.hide();
    const sum = client.add(1, 2);
    const { id } = await peer.next("call");
    peer.send({ kind: "result", id, value: 3 });
    await sum;
    expect(peer.all("ping")).toEqual([]);
    client.close();
  });

  it("is given up at once when the network goes; attempts go on, and their reason is told", async () => {
    const { client, clock, peer } = await connected();
    clock.advance(1_000);
    page.goOffline();
    expect(client.status).toEqual({
      ...client.status,
      state: "connecting",
      code: "offline",
      reason: "",
      attempt: 1,
    });
    await peer.closed;
    server.onMessage = (next) => next.socket.terminate();
    clock.advance(300);
    await until(() => client.status.attempt === 2);
    expect(client.status).toMatchObject({ state: "connecting", code: "offline", reason: "closed (1006)" });
    const codes: string[] = [];
    client.status.subscribe(({ code }) => codes.push(code));
    server.onMessage = (next, message) => message.kind === "hello" && next.welcome();
    page.goOnline();
    await until(() => client.status.state === "connected");
    expect(codes).toEqual(["offline", "online", "connected"]);
    client.close();
  });

  it("that was never asked for stays so", () => {
    const { client } = clientOf(server);
    for (const type of ["online", "offline", "pageshow", "visibilitychange"]) page.fire(type);
    expect(client.status).toMatchObject({ state: "disconnected", code: "idle" });
    client.close();
  });
});
