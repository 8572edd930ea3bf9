import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clientOf, until } from "./support/client.js";
import { type Peer, ScriptedServer } from "./support/server.js";

let server: ScriptedServer;
beforeEach(async () => {
  server = await ScriptedServer.start();
});
afterEach(() => server.stop());

describe("calls before welcome", () => {
  const refusal = { kind: "error", id: null, status: 401, code: "UNAUTHENTICATED", detail: "who?" } as const;

  it("fail with the refusal of their identity, and were not executed", async () => {
    server.onMessage = (peer, message) => {
      if (message.kind !== "call") return;
      peer.send(refusal);
      peer.socket.close(4501, "unauthenticated");
    };
    const { client } = clientOf(server);
    await expect(client.add(1, 2)).rejects.toMatchObject({ code: "UNAUTHENTICATED", maybeExecuted: false });
    expect(server.peers[0]?.all("call")).toHaveLength(1);
    client.close();
  });

  it("are made again when the server closes instead of saying welcome", async () => {
    server.onMessage = (peer, message) => {
      if (message.kind === "call") peer.socket.close(4000, "going_away");
    };
    const { client, clock } = clientOf(server);
    const sum = client.add(1, 2);
    await until(() => client.status.attempt === 1);
    server.onMessage = (peer, message) => {
      if (message.kind === "hello") peer.welcome();
    };
    clock.advance(150);
    await server.peer();
    const second = await server.peer();
    const call = await second.next("call");
    expect(call).toMatchObject({ kwargs: { a: 1, b: 2 }, timeout_ms: 29_850 });
    second.send({ kind: "result", id: call.id, value: 3 });
    expect(await sum).toBe(3);
    client.close();
  });

  it.each([
    ["the socket breaks", (peer: Peer) => peer.socket.terminate()],
    ["somebody else closes", (peer: Peer) => peer.socket.close(1011)],
  ])("may have run when %s", async (_, end) => {
    server.onMessage = (peer, message) => {
      if (message.kind === "call") end(peer);
    };
    const { client } = clientOf(server);
    await expect(client.add(1, 2)).rejects.toMatchObject({ code: "CONNECTION_LOST", maybeExecuted: true });
    client.close();
  });

  it("are at most 64, and at most 32 KiB", async () => {
    server.onMessage = () => undefined;
    const { client } = clientOf(server);
    const calls = Array.from({ length: 100 }, (_, index) => client.echo(index));
    const peer = await server.peer();
    await until(() => peer.messages.length >= 65);
    expect(peer.all("call")).toHaveLength(64);
    const settled = Promise.allSettled(calls);
    client.close();
    // Those that were not sent have certainly not run.
    const executed = (await settled).map((call) => call.status === "rejected" && call.reason.maybeExecuted);
    expect(executed).toEqual(calls.map((_, index) => index < 64));
    const other = clientOf(server, { auth: () => ({ token: 2 }) }).client;
    const large = Promise.allSettled(Array.from({ length: 5 }, () => other.echo("x".repeat(10_000))));
    const next = await server.peer();
    await until(() => next.messages.length >= 4);
    await new Promise((resolve) => setImmediate(resolve));
    expect(next.all("call")).toHaveLength(3);
    next.welcome();
    await until(() => next.all("call").length === 5);
    other.close();
    await large;
  });

  it("wait again when they were more than the server takes", async () => {
    const open = new Set<number>();
    let refused = 0;
    server.onMessage = (peer, message) => {
      if (message.kind === "hello") peer.welcome({ limits: { max_calls: 2 } });
      if (message.kind !== "call") return;
      if (open.size === 2) {
        refused++;
        const error = { status: 429, code: "TOO_MANY_CALLS", detail: "at most 2" } as const;
        return peer.send({ kind: "error", id: message.id, ...error });
      }
      open.add(message.id);
      setImmediate(() => {
        open.delete(message.id);
        peer.send({ kind: "result", id: message.id, value: message.kwargs?.value });
      });
    };
    const { client } = clientOf(server);
    const values = [1, 2, 3, 4, 5, 6];
    expect(await Promise.all(values.map((value) => client.echo(value)))).toEqual(values);
    expect(refused).toBe(4);
    client.close();
  });
});
