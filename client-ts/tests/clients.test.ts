import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { clientOf, until } from "./support/client.js";
import { ScriptedServer } from "./support/server.js";

let server: ScriptedServer;
beforeEach(async () => {
  server = await ScriptedServer.start();
});
afterEach(() => server.stop());

describe("clients", () => {
  it("of one URL share a connection, and the last one closes it", async () => {
    const [one, two] = [clientOf(server).client, clientOf(server).client];
    const sums = [one.add(1, 1), two.add(2, 2)];
    const peer = await server.peer();
    await peer.next("call");
    await peer.next("call");
    one.close();
    await expect(sums[0]).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    const cancel = await peer.next("cancel");
    peer.send({ kind: "result", id: 3 - cancel.id, value: 4 });
    expect(await sums[1]).toBe(4);
    expect(peer.closeCode).toBeUndefined();
    two.close();
    expect(await peer.closed).toBe(1000);
    expect(server.peers).toHaveLength(1);
  });

  it("of different identities do not", async () => {
    const one = clientOf(server, { auth: () => ({ token: "1" }) }).client;
    const two = clientOf(server, { auth: () => ({ token: "2" }) }).client;
    one.on("Tick", () => undefined);
    two.on("Tick", () => undefined);
    const tokens = [];
    for (const peer of [await server.peer(), await server.peer()]) {
      tokens.push((await peer.next("hello")).credentials?.token);
    }
    expect(tokens.sort()).toEqual(["1", "2"]);
    one.close();
    two.close();
  });

  it("have methods and nothing else", async () => {
    const { client } = clientOf(server);
    expect(Reflect.get(client, "addd")).toBeUndefined();
    expect(Reflect.get(client.teams, "renam")).toBeUndefined();
    expect(await client).toBe(client);
    expect(client.add).toBe(client.add);
    expect(Object.keys(client)).toEqual(expect.arrayContaining(["add", "teams", "on"]));
    client.close();
  });

  it("tell their state to a store, whose subscribers may throw", async () => {
    const { client, errors } = clientOf(server);
    const codes: string[] = [];
    client.status.subscribe(({ code }) => {
      if (code === "requested") throw new Error("mine");
    });
    const off = client.status.subscribe((status) => codes.push(`${status.state}/${status.code}`));
    client.on("Tick", () => undefined);
    await until(() => client.status.state === "connected");
    off();
    client.close();
    expect(codes).toEqual(["disconnected/idle", "connecting/requested", "connected/connected"]);
    expect(errors).toEqual([new Error("mine")]);
  });

  it("report each call when it has settled", async () => {
    const seen: unknown[] = [];
    const { client } = clientOf(server, { onCall: (call) => seen.push(call) });
    const stream = client.numbers();
    const sum = client.add(1, 2);
    const peer = await server.peer();
    const [one, two] = [await peer.next("call"), await peer.next("call")];
    peer.send(
      { kind: "item", id: one.id, value: 1 },
      { kind: "end", id: one.id },
      { kind: "error", id: two.id, status: 400, code: "X", detail: null },
    );
    for await (const item of stream) expect(item).toBe(1);
    const error = await sum.catch((error: unknown) => error);
    expect(seen).toEqual([
      { name: "numbers", transport: "websocket", stream: true, durationMs: 0, items: 1 },
      { name: "add", transport: "websocket", stream: false, durationMs: 0, items: 0, error },
    ]);
    client.close();
  });
});

it("contains hooks that throw", async () => {
  const mine = new Error("mine");
  const throws = (): never => {
    throw mine;
  };
  server.onMessage = (peer, message) => {
    if (message.kind === "hello") peer.welcome({ same: false, calls: "other" });
    if (message.kind === "call") peer.send({ kind: "result", id: message.id, value: 3 });
  };
  const { client, errors } = clientOf(server, { onCall: throws, onStale: throws });
  expect(await client.add(1, 2)).toBe(3);
  expect(errors).toEqual([mine, mine]);
  client.close();
  const logged = vi.spyOn(console, "error").mockReturnValue(undefined);
  const other = clientOf(server, { onCall: throws, onError: throws, auth: () => ({}) }).client;
  expect(await other.add(1, 2)).toBe(3);
  expect(logged).toHaveBeenCalledWith(mine);
  logged.mockRestore();
  other.close();
});
