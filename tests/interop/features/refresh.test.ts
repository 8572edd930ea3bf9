import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { Server } from "../server";
import { connect } from "./fuse";
import { noted, thrown } from "./support";

let server: Server;

beforeAll(async () => {
  server = await Server.start("tests.interop.features.main:app");
});
afterAll(() => server.stop());

test("a call goes on while the identity that made it expires, on one connection", async () => {
  let asked = 0;
  const codes: string[] = [];
  const auth = async () => {
    asked++;
    return { token: "ann for 3" };
  };
  const client = connect({ url: server.origin, WebSocket, auth });
  client.status.subscribe(({ code }) => codes.push(code));
  const controller = new AbortController();
  const call = client.with({ signal: controller.signal, timeout: 0 }).wait("expiring");
  await noted(client, "expiring", "started");
  await vi.waitFor(() => expect(asked).toBe(3), { timeout: 20_000, interval: 20 });
  expect(await client.me()).toBe("ann");
  expect(codes).toEqual(["idle", "requested", "connected"]);
  controller.abort("enough");
  await expect(call).rejects.toBe("enough");
  await noted(client, "expiring", "cancelled");
  client.close();
});

test("it is lost where no other credentials can be had, and the connection comes back with the next ones", async () => {
  const errors: unknown[] = [];
  let asked = 0;
  const auth = async () => {
    asked++;
    if (asked > 1 && client.status.state === "connected") throw new Error("away");
    return { token: "bob for 1" };
  };
  const client = connect({ url: server.origin, WebSocket, auth, onError: (error) => errors.push(error) });
  const codes: string[] = [];
  client.status.subscribe(({ code }) => codes.push(code));
  expect(await thrown(client.with({ timeout: 0 }).wait("expired"))).toMatchObject({
    code: "CONNECTION_LOST",
    maybeExecuted: true,
  });
  expect(await client.me()).toBe("bob");
  expect(codes.slice(0, 5)).toEqual([
    "idle",
    "requested",
    "connected",
    "identity_expired",
    "identity_expired",
  ]);
  expect(errors).toContainEqual(new Error("away"));
  client.close();
});
