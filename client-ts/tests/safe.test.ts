import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { safely } from "../src/index.js";
import { clientOf, type TestClient } from "./support/client.js";
import { ScriptedServer } from "./support/server.js";

let server: ScriptedServer;
let client: TestClient;
beforeEach(async () => {
  server = await ScriptedServer.start();
  client = clientOf(server).client;
});
afterEach(async () => {
  client.close();
  await server.stop();
});

const spent = (id: number) =>
  ({ kind: "error", id, status: 402, code: "SPENT", detail: "No.", data: { left: 0 } }) as const;

describe("the outcome of a call", () => {
  it("is its data", async () => {
    const outcome = safely(client.add(1, 2));
    const { peer, id } = await server.called();
    peer.send({ kind: "result", id, value: 0 });
    expect(await outcome).toEqual({ data: 0, error: undefined });
  });

  it("is its error", async () => {
    const outcome = safely(client.add(1, 2));
    const { peer, id } = await server.called();
    peer.send(spent(id));
    const { data, error } = await outcome;
    expect(data).toBeUndefined();
    expect(error).toMatchObject({ code: "SPENT", status: 402, data: { left: 0 } });
  });

  it("has a code for what the client throws too", async () => {
    const { error } = await safely(client.echo(() => "no JSON"));
    expect(error).toMatchObject({ name: "RpcError", code: "CLIENT_ERROR", maybeExecuted: false });
    expect(error?.cause).toBeInstanceOf(TypeError);
    expect(error?.cause).toMatchObject({ message: error?.message });
    expect((await safely(Promise.reject("text"))).error).toMatchObject({
      code: "CLIENT_ERROR",
      detail: "text",
    });
  });

  it("is CANCELLED when a signal says so", async () => {
    const { error } = await safely(client.with({ signal: AbortSignal.abort() }).add(1, 2));
    expect(error).toMatchObject({ code: "CANCELLED", status: 499 });
    expect(error?.cause).toMatchObject({ name: "AbortError" });
  });
});

describe("the outcomes of a stream", () => {
  it("are its items, then its error, then nothing", async () => {
    const outcomes = safely(client.chat("hi"));
    const { peer, id } = await server.called();
    peer.send({ kind: "item", id, value: "" }, { kind: "item", id, value: "b" }, spent(id));
    const read = [];
    for await (const { data, error } of outcomes) read.push(error ? error.code : data);
    expect(read).toEqual(["", "b", "SPENT"]);
    expect(await outcomes.next()).toEqual({ done: true, value: undefined });
  });

  it("end with the stream, awaited or not", async () => {
    const outcomes = safely(await client.chat("hi"));
    const { peer, id } = await server.called();
    peer.send({ kind: "item", id, value: "a" }, { kind: "end", id });
    const read = [];
    for await (const outcome of outcomes) read.push(outcome);
    expect(read).toEqual([{ data: "a", error: undefined }]);
  });

  it("are left like the stream itself", async () => {
    const outcomes = safely(client.chat("hi"));
    const { peer, id } = await server.called();
    peer.send({ kind: "item", id, value: "a" });
    for await (const { data } of outcomes) {
      expect(data).toBe("a");
      break;
    }
    expect((await peer.next("cancel")).id).toBe(id);
  });

  it("are left while an item is awaited", async () => {
    const outcomes = safely(client.chat("hi"));
    const { peer, id } = await server.called();
    const next = outcomes.next();
    await outcomes.return?.();
    expect(await next).toEqual({ done: true, value: undefined });
    expect((await peer.next("cancel")).id).toBe(id);
  });

  it("are left before they are read", async () => {
    const outcomes = safely(client.chat("hi"));
    const { peer, id } = await server.called();
    await outcomes.return?.();
    expect((await peer.next("cancel")).id).toBe(id);
  });

  it("of a stream that was read already are an error", async () => {
    const stream = client.chat("hi");
    stream[Symbol.asyncIterator]();
    const read = [];
    for await (const { error } of safely(stream)) read.push(error?.message);
    expect(read).toEqual(["a stream can be read once"]);
  });
});
