import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { CuttingProxy } from "../proxy";
import { Server } from "../server";
import { type Client, connect } from "./fuse";
import { noted, thrown } from "./support";

let server: Server;
let proxy: CuttingProxy;
/** Sees what was executed, by a way that is not cut. */
let witness: Client;

beforeAll(async () => {
  server = await Server.start("tests.interop.features.main:app");
  proxy = await CuttingProxy.to(server.origin);
  witness = connect({ url: server.origin, WebSocket });
});
afterAll(async () => {
  witness.close();
  await proxy.stop();
  await server.stop();
});

describe.each(["WebSocket", "fetch"])("an answer that is lost over %s", (transport) => {
  /** Calls, and cuts the connection when the call was executed. */
  async function losing(name: "pay" | "put" | "append"): Promise<{ answer: Promise<number>; order: string }> {
    const order = `${name}-over-${transport}`;
    const client = connect({ url: proxy.origin, ...(transport === "WebSocket" && { WebSocket }) });
    await client.add(1, 2);
    proxy.hold();
    const answer = client[name](order);
    answer.catch(() => undefined);
    await noted(witness, order, "executed");
    proxy.cut();
    await answer.then(client.close, client.close);
    return { answer, order };
  }

  test("is had from the next attempt of a call that is executed once", async () => {
    const { answer, order } = await losing("pay");
    expect(await answer).toBe(1);
    expect(await witness.noted(order)).toEqual(["executed"]);
  });

  test("is that of the second execution of an idempotent call", async () => {
    const { answer, order } = await losing("put");
    expect(await answer).toBe(2);
    expect(await witness.noted(order)).toEqual(["executed", "executed"]);
  });

  test("is lost of any other call, which is not executed again", async () => {
    const { answer, order } = await losing("append");
    expect(await thrown(answer)).toMatchObject({ code: "CONNECTION_LOST", maybeExecuted: true });
    expect(await witness.noted(order)).toEqual(["executed"]);
  });
});
