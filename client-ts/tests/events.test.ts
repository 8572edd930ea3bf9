import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clientOf, until } from "./support/client.js";
import { ScriptedServer } from "./support/server.js";

let server: ScriptedServer;
beforeEach(async () => {
  server = await ScriptedServer.start();
});
afterEach(() => server.stop());

describe("events", () => {
  it("reach every listener, also when one throws", async () => {
    const { client, errors } = clientOf(server);
    const seen: number[] = [];
    client.on("Tick", () => {
      throw new Error("mine");
    });
    const off = client.on("Tick", (tick) => seen.push(tick));
    const second = client.once("JobStatus");
    const peer = await server.peer();
    await until(() => client.status.state === "connected");
    peer.send(
      { kind: "event", name: "Tick", value: 1 },
      { kind: "event", name: "Nobody", value: 1 },
      { kind: "event", name: "JobStatus", value: { job_id: "j", progress: 1 } },
    );
    expect(await second).toEqual({ job_id: "j", progress: 1 });
    off();
    const last = client.once("Tick");
    peer.send({ kind: "event", name: "Tick", value: 2 });
    expect(await last).toBe(2);
    expect(seen).toEqual([1]);
    expect(errors).toEqual([new Error("mine"), new Error("mine")]);
    client.close();
  });

  it("can be iterated, and break unsubscribes", async () => {
    const { client } = clientOf(server);
    const events = client.events("Tick");
    const peer = await server.peer();
    await until(() => client.status.state === "connected");
    peer.send(...[1, 2, 3].map((value) => ({ kind: "event", name: "Tick", value }) as const));
    const seen: number[] = [];
    for await (const tick of events) if (seen.push(tick) === 2) break;
    expect(seen).toEqual([1, 2]);
    expect(await events.next()).toEqual({ done: true, value: undefined });
    client.close();
  });

  it("overflow the reader of an iteration with a named error", async () => {
    const { client } = clientOf(server);
    const events = client.events("Tick");
    const peer = await server.peer();
    await until(() => client.status.state === "connected");
    const last = client.once("JobStatus");
    peer.send(
      ...Array.from({ length: 1_025 }, (_, value) => ({ kind: "event", name: "Tick", value }) as const),
    );
    peer.send({ kind: "event", name: "JobStatus", value: { job_id: "", progress: 0 } });
    await last;
    for (let count = 0; count < 1_024; count++)
      expect(await events.next()).toEqual({ done: false, value: count });
    await expect(events.next()).rejects.toMatchObject({ code: "EVENTS_OVERFLOW" });
    client.close();
  });

  it("are not waited for where none can come", async () => {
    const { client } = clientOf(server);
    client.close();
    await expect(client.once("Tick")).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    await expect(client.events("Tick").next()).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    const http = clientOf(server, { WebSocket: undefined }).client;
    await expect(http.once("Tick")).rejects.toMatchObject({ code: "UNAVAILABLE" });
    server.onMessage = (peer) => peer.socket.close(4501, "unauthenticated");
    const refused = clientOf(server).client;
    await expect(refused.add(1, 2)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    await expect(refused.once("Tick")).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    refused.close();
  });

  it("stop with the signal", async () => {
    const { client } = clientOf(server);
    const controller = new AbortController();
    const scoped = client.with({ signal: controller.signal });
    const [once, next] = [scoped.once("Tick"), scoped.events("Tick").next()];
    controller.abort("enough");
    await expect(once).rejects.toBe("enough");
    await expect(next).rejects.toBe("enough");
    client.close();
  });
});
