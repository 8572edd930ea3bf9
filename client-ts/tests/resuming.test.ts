import { afterEach, beforeEach, expect, it } from "vitest";
import { createClient, type Resumable, type ResumableStream, resuming } from "../src/index.js";
import { encode } from "../src/wire/codec.js";
import { clientOf, until } from "./support/client.js";
import type { Message } from "./support/messages.js";
import { type Peer, ScriptedServer } from "./support/server.js";

let server: ScriptedServer;

beforeEach(async () => {
  server = await ScriptedServer.start();
});
afterEach(() => server.stop());

function item(id: number, value: number): Message {
  return { kind: "item", id, value, position: `7-${value}` };
}

/** The stream has begun, and its reader has one item of it. */
async function firstItem(stream: AsyncIterableIterator<unknown>): Promise<{ peer: Peer; id: number }> {
  const { peer, id } = await server.called();
  peer.send({ kind: "stream", id, stream: "s-1" }, item(id, 1));
  expect((await stream.next()).value).toBe(1);
  return { peer, id };
}

it("goes on behind the last item when the connection was lost, and its reader does not notice", async () => {
  const { client, clock } = clientOf(server);
  const stream = client.story(3);
  const got: unknown[] = [];
  const reading = (async () => {
    for await (const each of stream) got.push(each);
  })();
  expect(stream.id).toBeUndefined();
  const first = await server.peer();
  const { id } = await first.next("call");
  first.send({ kind: "stream", id, stream: "s-1" }, item(id, 1), item(id, 2));
  await until(() => got.length === 2);
  expect(stream.id).toBe("s-1");
  first.socket.terminate();
  await until(() => client.status.state === "connecting");
  clock.advance(1_000);
  const second = await server.peer();
  const resume = await second.next("resume");
  expect(resume).toMatchObject({ stream: "s-1", position: "7-2" });
  second.send({ kind: "stream", id: resume.id, stream: "s-1" }, item(resume.id, 3), {
    kind: "end",
    id: resume.id,
  });
  await reading;
  expect(got).toEqual([1, 2, 3]);
  client.close();
});

it("resumes by its id, and what it is awaited for has the id too", async () => {
  const { client } = clientOf(server);
  const stream = await client.story.resume("s-9");
  expect(stream.id).toBe("s-9");
  const peer = await server.peer();
  const { id, position, stream: name } = await peer.next("resume");
  expect([name, position]).toEqual(["s-9", undefined]);
  peer.send({ kind: "stream", id, stream: "s-9" }, item(id, 1), { kind: "end", id });
  expect(await stream.next()).toEqual({ done: false, value: 1 });
  expect((await stream.next()).done).toBe(true);
  client.close();
});

it("is lost with its connection as long as it has no name", async () => {
  const { client } = clientOf(server);
  const next = client.story(1)[Symbol.asyncIterator]().next();
  const peer = await server.peer();
  await peer.next("call");
  peer.socket.terminate();
  await expect(next).rejects.toMatchObject({ code: "CONNECTION_LOST", maybeExecuted: true });
  client.close();
});

it("is cancelled by its reader, and not asked for again", async () => {
  const { client } = clientOf(server);
  const stream = client.story(1);
  const { peer, id } = await firstItem(stream);
  await stream.return();
  expect(await peer.next("cancel")).toEqual({ kind: "cancel", id });
  client.close();
});

it("is ended on the next connection by a reader who left while there was none", async () => {
  const { client, clock } = clientOf(server);
  const stream = client.story(1);
  const { peer: first } = await firstItem(stream);
  first.socket.terminate();
  await until(() => client.status.state === "connecting");
  await stream.return();
  for (const last of [false, true]) {
    clock.advance(20_000);
    const peer = await server.peer();
    const resume = await peer.next("resume");
    expect(resume).toMatchObject({ stream: "s-1", position: "7-1" });
    expect(await peer.next("cancel")).toEqual({ kind: "cancel", id: resume.id });
    // One that was cut off is said again.
    if (last) peer.send({ kind: "error", id: resume.id, status: 499, code: "CANCELLED", detail: "" });
    else peer.socket.terminate();
    await until(() => client.status.state === (last ? "connected" : "connecting"));
  }
  client.close();
});

it("is ended on the next connection when the cancel was cut off", async () => {
  const { client, clock } = clientOf(server);
  const stream = client.story(1);
  const { peer: first } = await firstItem(stream);
  await stream.return();
  await first.next("cancel");
  first.socket.terminate();
  await until(() => client.status.state === "connecting");
  clock.advance(20_000);
  const second = await server.peer();
  const resume = await second.next("resume");
  expect(await second.next("cancel")).toEqual({ kind: "cancel", id: resume.id });
  client.close();
});

it("fails when the server names it in another shape, and is cancelled", async () => {
  const { client } = clientOf(server);
  const next = client.story(1).next();
  const { peer, id } = await server.called();
  peer.socket.send(encode([17, id]));
  await expect(next).rejects.toMatchObject({ code: "MALFORMED" });
  expect(await peer.next("cancel")).toEqual({ kind: "cancel", id });
  client.close();
});

it("fails when the client is closed while it waits for a connection", async () => {
  const { client } = clientOf(server);
  const stream = client.story(1);
  const { peer } = await firstItem(stream);
  const next = stream.next();
  peer.socket.terminate();
  await until(() => client.status.state === "connecting");
  client.close();
  await expect(next).rejects.toMatchObject({ code: "CONNECTION_LOST" });
});

it("only procedures whose stream can be resumed have the method", () => {
  const { client } = clientOf(server);
  expect(Reflect.get(client.add, "resume")).toBeUndefined();
  client.close();
});

it("is resumed over a WebSocket only", async () => {
  const client = createClient<{ story: Resumable<() => ResumableStream<number>> }, object>({
    calls: "hash",
    ws: "/_ws",
    api: "/api",
    procedures: { story: { args: [], stream: true, http: "POST /story", resume: resuming } },
    http: () => expect.unreachable(),
  });
  await expect(client.story.resume("s-1").next()).rejects.toMatchObject({ code: "UNAVAILABLE" });
});
