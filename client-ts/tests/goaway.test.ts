import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clientOf, connect, type TestClient, until } from "./support/client.js";
import { ScriptedServer } from "./support/server.js";

let server: ScriptedServer;
beforeEach(async () => {
  server = await ScriptedServer.start();
});
afterEach(() => server.stop());

describe("goaway", () => {
  it("finishes accepted calls on the old connection and makes new ones on the next", async () => {
    const { client } = clientOf(server);
    const ticks: number[] = [];
    client.on("Tick", (tick) => ticks.push(tick));
    const slow = client.add(1, 2);
    const old = await server.peer();
    const slowCall = await old.next("call");
    old.send({ kind: "goaway", drain_ms: 5_000 }, { kind: "event", name: "Tick", value: 1 });
    const next = await server.peer();
    const fresh = client.add(3, 4);
    const call = await next.next("call");
    old.send({ kind: "event", name: "Tick", value: 99 });
    next.send({ kind: "event", name: "Tick", value: 2 }, { kind: "result", id: call.id, value: 7 });
    expect(await fresh).toBe(7);
    expect(old.closeCode).toBeUndefined();
    old.send({ kind: "result", id: slowCall.id, value: 3 });
    expect(await slow).toBe(3);
    await old.closed;
    expect(old.all("call")).toHaveLength(1);
    expect(ticks).toEqual([1, 2]);
    client.close();
  });

  it("ends quietly when the server closes the old connection", async () => {
    const { client } = clientOf(server);
    const codes: string[] = [];
    client.status.subscribe(({ code }) => codes.push(code));
    client.on("Tick", () => undefined);
    const old = await server.peer();
    await until(() => client.status.state === "connected");
    const slow = expect(client.add(1, 2)).rejects.toMatchObject({
      code: "CONNECTION_LOST",
      maybeExecuted: true,
    });
    await old.next("call");
    old.send({ kind: "goaway", drain_ms: 5_000 });
    await (await server.peer()).next("hello");
    await until(() => client.status.state === "connected");
    old.socket.close(4000, "going_away");
    // Those that the server gave up with it may have run.
    await slow;
    expect(codes).toEqual(["idle", "requested", "connected", "goaway", "connected"]);
    expect(server.peers).toHaveLength(2);
    client.close();
  });

  it("gives up what does not finish in time", async () => {
    const { client, clock } = clientOf(server, { timeout: 0 });
    const slow = client.add(1, 2);
    const old = await server.peer();
    await old.next("call");
    old.send({ kind: "goaway", drain_ms: 5_000 });
    await server.peer();
    clock.advance(13_000);
    await expect(slow).rejects.toMatchObject({ code: "CONNECTION_LOST", maybeExecuted: true });
    client.close();
  });

  describe("and a call that crosses it", () => {
    const unavailable = { kind: "error", status: 503, code: "UNAVAILABLE", detail: "draining" } as const;

    /** A client whose server goes away as soon as it has been called by name or position. */
    async function crossing(call: (client: TestClient) => unknown) {
      const { client, clock, errors } = clientOf(server);
      await connect(client);
      const result = call(client);
      const old = await server.peer();
      const first = await old.next("call");
      old.send({ kind: "goaway", drain_ms: 5_000 }, { ...unavailable, id: first.id });
      const next = await server.peer();
      return { client, clock, errors, result: { result }, old, first, next };
    }

    it("makes the call on the new connection, by name until that is welcomed", async () => {
      const { client, errors, result, first, next, old } = await crossing((client) => client.add(1, 2));
      expect(first.args).toEqual([1, 2]);
      const call = await next.next("call");
      expect(call).toMatchObject({ name: "add", kwargs: { a: 1, b: 2 } });
      expect(next.frames[0]?.map(({ kind }) => kind)).toEqual(["hello", "call"]);
      next.send({ kind: "result", id: call.id, value: 3 });
      expect(await result.result).toBe(3);
      await old.closed;
      expect(errors).toEqual([]);
      client.close();
    });

    it("sends the arguments as they were when the call was made", async () => {
      const value = { list: [1, null, new Uint8Array([7])], at: new Date(5) };
      const { client, result, next } = await crossing((client) => {
        const made = client.optional(value as unknown as number, undefined, 3);
        value.list.push(2);
        value.at = new Date(6);
        return made;
      });
      const call = await next.next("call");
      const a = { list: [1, null, new Uint8Array([7])], at: new Date(5) };
      expect(call).toMatchObject({ name: "optional", kwargs: { a, c: 3 } });
      next.send({ kind: "result", id: call.id, value: null });
      await result.result;
      client.close();
    });

    it("does so for streams, for calls that had waited, and as often as servers go away", async () => {
      const { client, result, next } = await crossing((client) => client.chat("hi"));
      const second = await next.next("call");
      next.send({ kind: "goaway", drain_ms: 5_000 }, { ...unavailable, id: second.id });
      const last = await server.peer();
      const call = await last.next("call");
      expect(call).toMatchObject({ name: "chat", kwargs: { prompt: "hi" } });
      last.send({ kind: "item", id: call.id, value: "a" }, { kind: "end", id: call.id });
      const read = [];
      for await (const item of result.result as AsyncIterable<string>) read.push(item);
      expect(read).toEqual(["a"]);
      client.close();
    });

    it("keeps its deadline", async () => {
      const { client, clock, result, next } = await crossing((client) => {
        server.onMessage = () => undefined;
        return client.with({ timeout: 5_000 }).add(1, 2);
      });
      await next.next("call");
      clock.advance(5_500);
      await expect(result.result).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
      client.close();
    });

    it("does not make it again once it was aborted", async () => {
      const { client } = clientOf(server);
      await connect(client);
      const controller = new AbortController();
      const aborted = client.with({ signal: controller.signal }).add(1, 2);
      const old = await server.peer();
      const { id } = await old.next("call");
      controller.abort("mine");
      await expect(aborted).rejects.toBe("mine");
      await old.next("cancel");
      old.send({ kind: "goaway", drain_ms: 5_000 }, { ...unavailable, id });
      const next = await server.peer();
      const other = client.add(3, 4);
      const call = await next.next("call");
      expect(call.kwargs).toEqual({ a: 3, b: 4 });
      next.send({ kind: "result", id: call.id, value: 7 });
      expect(await other).toBe(7);
      client.close();
    });

    it("rejects where it cannot be known that nothing was done: without goaway, or with an upload begun", async () => {
      const { client } = clientOf(server);
      await connect(client);
      const peer = await server.peer();
      const plain = expect(client.add(1, 2)).rejects.toMatchObject({ code: "UNAVAILABLE" });
      peer.send({ ...unavailable, id: (await peer.next("call")).id });
      await plain;
      const upload = expect(client.collect("x", [1])).rejects.toMatchObject({ code: "UNAVAILABLE" });
      const { id } = await peer.next("call");
      peer.send({ kind: "goaway", drain_ms: 5_000 }, { ...unavailable, id });
      await upload;
      client.close();
    });
  });
});
