import { expect, it, onTestFinished } from "vitest";
import { observeEvents } from "../../src/ui/events.js";
import { createWatchers } from "../../src/ui/observable.js";
import { observeStatus } from "../../src/ui/status.js";
import { clientOf, connect } from "../support/client.js";
import { ScriptedServer } from "../support/server.js";

it("switches on for the first watcher and off after the last", () => {
  const seen: string[] = [];
  const { subscribe, tell } = createWatchers(() => {
    seen.push("on");
    return () => seen.push("off");
  });
  const told = (): void => void seen.push("told");
  const [one, two] = [subscribe(told), subscribe(told)];
  tell();
  one();
  one();
  tell();
  two();
  tell();
  subscribe(told)();
  expect(seen).toEqual(["on", "told", "told", "told", "off", "on", "off"]);
});

it("sees the status change, and the same object until then", async () => {
  const server = await ScriptedServer.start();
  onTestFinished(() => server.stop());
  const { client } = clientOf(server);
  const status = observeStatus(client);
  const seen: string[] = [];
  const unsubscribe = status.subscribe(() => seen.push(status.get().state));
  expect(seen).toEqual([]);
  expect(status.get()).toBe(status.get());
  expect(status.get()).toEqual({ state: "disconnected", code: "idle", reason: "", attempt: 0 });
  await connect(client);
  expect(seen).toEqual(["connecting", "connected"]);
  unsubscribe();
  client.close();
  expect(seen).toHaveLength(2);
  expect(status.get()).toMatchObject({ state: "disconnected", code: "closed" });
});

it("collects events while it is watched, the last ones up to the limit", async () => {
  const server = await ScriptedServer.start();
  onTestFinished(() => server.stop());
  const { client } = clientOf(server);
  await connect(client);
  const peer = await server.peer();
  const ticks = observeEvents(client, "Tick", { limit: 2 });
  const tick = async (n: number): Promise<void> => {
    const seen = client.once("Tick");
    peer.send({ kind: "event", name: "Tick", value: n });
    await seen;
  };
  await tick(0);
  expect(ticks.get()).toEqual({ items: [], latest: undefined });
  let told = 0;
  const unsubscribe = ticks.subscribe(() => told++);
  for (const n of [1, 2, 3]) await tick(n);
  const log = ticks.get();
  expect(log).toEqual({ items: [2, 3], latest: 3 });
  expect(ticks.get()).toBe(log);
  unsubscribe();
  await tick(4);
  expect(ticks.get()).toBe(log);
  expect(told).toBe(3);
  client.close();
});
