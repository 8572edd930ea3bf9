import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { clientOf, connect } from "./support/client.js";
import { ScriptedServer } from "./support/server.js";

let server: ScriptedServer;
beforeEach(async () => {
  server = await ScriptedServer.start();
});
afterEach(() => server.stop());

describe("abort and deadline", () => {
  it("reject with the signal's reason and send cancel", async () => {
    const { client } = clientOf(server);
    const controller = new AbortController();
    const sum = client.with({ signal: controller.signal }).add(1, 2);
    const peer = await server.peer();
    const { id } = await peer.next("call");
    controller.abort();
    await expect(sum).rejects.toMatchObject({ name: "AbortError" });
    expect(await peer.next("cancel")).toEqual({ kind: "cancel", id });
    client.close();
  });

  it("send nothing for a call that was aborted in time", async () => {
    const { client } = clientOf(server);
    const controller = new AbortController();
    const aborted = client.with({ signal: controller.signal }).add(1, 2);
    controller.abort(new Error("mine"));
    await expect(aborted).rejects.toThrow("mine");
    await expect(client.with({ signal: AbortSignal.abort("early") }).add(1, 2)).rejects.toBe("early");
    const sum = client.add(3, 4);
    const peer = await server.peer();
    const call = await peer.next("call");
    expect(call.kwargs).toEqual({ a: 3, b: 4 });
    peer.send({ kind: "result", id: call.id, value: 7 });
    expect(await sum).toBe(7);
    expect(peer.all("call")).toHaveLength(1);
    client.close();
  });

  it("tell the server, and give up a little later when it stays silent", async () => {
    const { client, clock } = clientOf(server);
    const sum = client.with({ timeout: 5_000 }).add(1, 2);
    const peer = await server.peer();
    const call = await peer.next("call");
    expect(call.timeout_ms).toBe(5_000);
    clock.advance(5_400);
    expect(peer.all("cancel")).toHaveLength(0);
    clock.advance(200);
    await expect(sum).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED", status: 504, maybeExecuted: true });
    await peer.next("cancel");
    client.close();
  });

  it("leave no listener on a signal that lives longer than the call", async () => {
    const { client } = clientOf(server);
    const { signal } = new AbortController();
    const added = vi.spyOn(signal, "addEventListener");
    const removed = vi.spyOn(signal, "removeEventListener");
    const sum = client.with({ signal }).add(1, 2);
    const peer = await server.peer();
    peer.send({ kind: "result", id: (await peer.next("call")).id, value: 3 });
    await sum;
    expect(added).toHaveBeenCalledTimes(1);
    expect(removed.mock.calls).toEqual(added.mock.calls);
    client.close();
  });

  it("bound the wait for a connection", async () => {
    server.onMessage = () => undefined;
    const { client, clock } = clientOf(server);
    const sum = client.with({ timeout: 5_000 }).add(1, 2);
    clock.advance(5_000);
    await expect(sum).rejects.toMatchObject({
      code: "DEADLINE_EXCEEDED",
      message: "add: no connection in 5000 ms",
      maybeExecuted: false,
    });
    client.close();
  });

  it("take the time in the queue off the deadline that is sent", async () => {
    let given: (credentials: null) => void = () => undefined;
    const auth = () => new Promise<null>((resolve) => (given = resolve));
    const { client, clock } = clientOf(server, { auth });
    const sum = client.add(1, 2);
    clock.advance(10_000);
    given(null);
    const peer = await server.peer();
    expect((await peer.next("call")).timeout_ms).toBe(20_000);
    client.close();
    await Promise.allSettled([sum]);
  });

  it("keep the slot of a cancelled call until the server has settled it", async () => {
    server.onMessage = (peer, message) => {
      if (message.kind === "hello") peer.welcome({ limits: { max_calls: 1 } });
    };
    const { client } = clientOf(server);
    await connect(client);
    const controller = new AbortController();
    const first = client.with({ signal: controller.signal }).add(1, 1);
    const second = client.add(2, 2);
    const peer = await server.peer();
    const { id } = await peer.next("call");
    controller.abort();
    await expect(first).rejects.toMatchObject({ name: "AbortError" });
    await peer.next("cancel");
    expect(peer.all("call")).toHaveLength(1);
    peer.send({ kind: "error", id, status: 499, code: "CANCELLED", detail: "" });
    const call = await peer.next("call");
    peer.send({ kind: "result", id: call.id, value: 4 });
    expect(await second).toBe(4);
    client.close();
  });
});
