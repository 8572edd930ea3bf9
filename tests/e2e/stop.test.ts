import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { expect, inject, onTestFinished, test } from "vitest";
import { newMember } from "./support/account.ts";
import { launch } from "./support/chromium.ts";
import { DevServer, freePort, processes, startDev } from "./support/dev-server.ts";
import { openTab } from "./support/page.ts";

const root = inject("root");

async function start(name: string): Promise<DevServer> {
  const dev = await startDev(root, name);
  onTestFinished(() => dev.stop());
  return dev;
}

function stillRunning(started: { pid: number }[]): string[] {
  const pids = new Set(started.map(({ pid }) => pid));
  return processes()
    .filter(({ pid }) => pids.has(pid))
    .map(({ command }) => command);
}

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
  "%s stops every process that dev.sh started",
  async (name) => {
    const dev = await start(name);
    const started = dev.descendants();
    const commands = started.map(({ command }) => command).join("\n");
    for (const part of ["reload.py", "vite", "fusewire generate"]) expect(commands).toContain(part);

    dev.signal(name);
    expect(await dev.ended()).toBe(0);
    expect(stillRunning(started)).toEqual([]);
  },
);

test("Ctrl-C does not wait for open pages and streams", async () => {
  const dev = await start("open-page");
  const browser = await launch();
  onTestFinished(() => browser.close());
  const { context } = await newMember(browser, dev.url);
  const tab = await openTab(context, `${dev.url}/chat`);
  await tab.panel("chat").getByRole("button", { name: "Send" }).click();
  await tab
    .panel("chat")
    .getByText(/words · writing/)
    .waitFor();
  const started = dev.descendants();
  const asked = performance.now();
  dev.signal("SIGINT");
  expect(await dev.ended()).toBe(0);
  expect(performance.now() - asked).toBeLessThan(6_000);
  expect(stillRunning(started)).toEqual([]);
});

test("when one process dies by itself, all stop and the message names it", async () => {
  const dev = await start("death");
  const started = dev.descendants();
  const watcher = started.find(({ command }) => command.includes("fusewire generate"));
  expect(watcher).toBeDefined();
  process.kill(watcher?.pid ?? -1, "SIGKILL");
  expect(await dev.ended()).toBe(1);
  expect(dev.output).toContain("The watcher stopped by itself");
  expect(stillRunning(started)).toEqual([]);
});

test("a taken port is told before anything is started", async () => {
  const port = await freePort();
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(port, "127.0.0.1", resolve));
  onTestFinished(() => void holder.close());
  const dev = new DevServer(root, port, join(dirname(root), "taken.sqlite"));
  expect(await dev.ended()).toBe(1);
  expect(dev.output).toContain(`Port ${port} is taken`);
  expect(dev.output).not.toContain("backend");
});
