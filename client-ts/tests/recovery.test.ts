import { afterEach, beforeEach, expect, it } from "vitest";
import type { Gap } from "../src/index.js";
import { clientOf, until } from "./support/client.js";
import type { Message } from "./support/messages.js";
import { type Peer, ScriptedServer } from "./support/server.js";

let server: ScriptedServer;
const ticks: number[] = [];
const gaps: Gap[] = [];

beforeEach(async () => {
  server = await ScriptedServer.start();
  ticks.length = gaps.length = 0;
});
afterEach(() => server.stop());

function listening(): ReturnType<typeof clientOf> {
  const made = clientOf(server, { onGap: (gap) => gaps.push(gap) });
  made.client.on("Tick", (tick) => ticks.push(tick));
  return made;
}

function tick(value: number, previous: string, position: string, topic = "all"): Message {
  return { kind: "event", name: "Tick", value, topic, previous, position };
}

/** What the next hello said of where the client stands; welcome is sent by itself. */
async function positions(peer: Peer): Promise<unknown> {
  return (await peer.next("hello")).positions;
}

it("says where it stands when it comes back, and goes on from there", async () => {
  const { client, clock } = listening();
  const first = await server.peer();
  expect(await positions(first)).toEqual({});
  first.send(
    { kind: "topic", topic: "user:ann", position: "1-0" },
    { kind: "topic", topic: "all", position: "5-0" },
    tick(1, "5-0", "5-1"),
    tick(2, "5-1", "5-2"),
  );
  await until(() => ticks.length === 2);
  first.socket.terminate();
  await until(() => client.status.state === "connecting");
  clock.advance(1_000);
  const second = await server.peer();
  expect(await positions(second)).toEqual({ all: "5-2", "user:ann": "1-0" });
  second.send(
    { kind: "topic", topic: "user:ann", position: "1-0", recovered: true },
    { kind: "topic", topic: "all", position: "5-2", recovered: true },
    tick(3, "5-2", "5-3"),
  );
  await until(() => ticks.length === 3);
  expect(ticks).toEqual([1, 2, 3]);
  expect(gaps).toEqual([]);
  client.close();
});

it("connects again when it sees a hole, and hands on nothing from behind it", async () => {
  const { client, clock } = listening();
  const first = await server.peer();
  await positions(first);
  first.send({ kind: "topic", topic: "all", position: "5-0" }, tick(1, "5-0", "5-1"), tick(3, "5-2", "5-3"));
  await until(() => client.status.code === "hole");
  clock.advance(1_000);
  const second = await server.peer();
  expect(await positions(second)).toEqual({ all: "5-1" });
  second.send(
    { kind: "topic", topic: "all", position: "5-1", recovered: true },
    tick(2, "5-1", "5-2"),
    tick(3, "5-2", "5-3"),
  );
  await until(() => ticks.length === 3);
  expect(ticks).toEqual([1, 2, 3]);
  client.close();
});

it.each([
  { what: "come twice", order: [1, 2, 2, 3], taken: 3 },
  { what: "come late", order: [1, 2, 3, 1, 4], taken: 4 },
  { what: "come in another order", order: [1, 3, 2, 4], taken: 2 },
])("hands on no event of frames that $what", async ({ order, taken }) => {
  const follows = (value: number): Message => tick(value, `5-${value - 1}`, `5-${value}`);
  const { client, clock } = listening();
  const first = await server.peer();
  await positions(first);
  first.send({ kind: "topic", topic: "all", position: "5-0" }, ...order.map(follows));
  await until(() => client.status.code === "hole");
  clock.advance(1_000);
  const second = await server.peer();
  expect(await positions(second)).toEqual({ all: `5-${taken}` });
  const rest = [1, 2, 3, 4, 5].filter((value) => value > taken).map(follows);
  second.send({ kind: "topic", topic: "all", position: `5-${taken}`, recovered: true }, ...rest);
  await until(() => ticks.length === 5);
  expect(ticks).toEqual([1, 2, 3, 4, 5]);
  expect(gaps).toEqual([]);
  client.close();
});

it("tells that a room was lost with its session", async () => {
  const { client } = listening();
  const peer = await server.peer();
  await positions(peer);
  peer.send({ kind: "topic", topic: "room:lobby", position: null, recovered: false });
  await until(() => gaps.length > 0);
  expect(gaps).toEqual([{ topic: "room:lobby" }]);
  client.close();
});

it("tells of a gap, and forgets a topic that is not its own any more", async () => {
  const { client, clock } = listening();
  const first = await server.peer();
  await positions(first);
  first.send(
    { kind: "topic", topic: "room:lobby", position: "1-0" },
    { kind: "topic", topic: "all", position: "5-0" },
    { kind: "topic", topic: "all", position: "9-0", recovered: false },
    tick(1, "9-0", "9-1"),
    { kind: "topic", topic: "room:lobby" },
  );
  await until(() => ticks.length === 1);
  expect(gaps).toEqual([{ topic: "all" }]);
  first.socket.terminate();
  await until(() => client.status.state === "connecting");
  clock.advance(1_000);
  expect(await positions(await server.peer())).toEqual({ all: "9-1" });
  client.close();
});

it("takes ephemeral events as they come", async () => {
  const { client } = listening();
  const peer = await server.peer();
  await positions(peer);
  peer.send({ kind: "topic", topic: "all", position: "5-0" }, { kind: "event", name: "Tick", value: 7 });
  await until(() => ticks.length === 1);
  expect(client.status.state).toBe("connected");
  client.close();
});

it("leaves to the next connection what a draining one still brings", async () => {
  const { client } = listening();
  const first = await server.peer();
  await positions(first);
  first.send({ kind: "topic", topic: "all", position: "5-0" });
  const call = client.add(1, 2);
  const { id } = await first.next("call");
  first.send({ kind: "goaway", drain_ms: 5_000 });
  const second = await server.peer();
  expect(await positions(second)).toEqual({ all: "5-0" });
  first.send(tick(1, "5-0", "5-1"), { kind: "result", id, value: 3 });
  expect(await call).toBe(3);
  second.send({ kind: "topic", topic: "all", position: "5-0", recovered: true }, tick(1, "5-0", "5-1"));
  await until(() => ticks.length > 0);
  expect(ticks).toEqual([1]);
  client.close();
});
