import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, onTestFinished, test } from "vitest";
import { launch } from "./support/chromium.ts";
import { newPerson, openTab, type Tab } from "./support/page.ts";
import { REPOSITORY } from "./support/working-copy.ts";

const root = inject("root");
const url = inject("url");

let browser: Browser;
let person: BrowserContext;

beforeAll(async () => {
  browser = await launch();
});

afterAll(() => browser.close());

beforeEach(async () => {
  person = await newPerson(browser);
  return () => person.close();
});

async function open(context = person): Promise<Tab> {
  const tab = await openTab(context, url);
  onTestFinished(() => expect(tab.complaints).toEqual([]));
  return tab;
}

describe("the page", () => {
  test("is rendered on the server, whole, before any script runs", async () => {
    const html = await (await fetch(url)).text();
    for (const title of ["Team", "Chat", "Background job", "Who am I?"])
      expect(html).toContain(`${title}</h2>`);
    expect(html).toContain("Not connected yet");
  });

  test("has one socket per tab", async () => {
    const tab = await open();
    await tab.panel("team").getByText("alice@example.com").waitFor();
    await tab.panel("whoami").getByRole("button", { name: "WebSocket" }).click();
    await tab.panel("whoami").getByText("user_id").waitFor();
    expect(tab.sockets.filter((socket) => !socket.isClosed())).toHaveLength(1);
  });

  test("knows a browser by a cookie that scripts cannot read", async () => {
    const tab = await open();
    await expect.poll(() => person.cookies()).toHaveLength(1);
    expect((await person.cookies())[0]).toMatchObject({
      name: "fusewire_visitor",
      httpOnly: true,
      sameSite: "Lax",
      path: "/",
    });
    expect(await tab.page.evaluate(() => document.cookie)).toBe("");
  });

  test.each([
    { name: "desktop", viewport: { width: 1280, height: 900 } },
    { name: "phone", viewport: { width: 375, height: 812 } },
  ])("fits a $name, light and dark", async ({ name, viewport }) => {
    const context = await newPerson(browser, { viewport });
    onTestFinished(() => context.close());
    const tab = await openTab(context, url);
    await tab.panel("team").getByText("alice@example.com").waitFor();
    await tab.panel("chat").getByRole("button", { name: "Send" }).click();
    await tab.panel("chat").locator('[data-state="finished"]').waitFor();
    await start(tab, "done-before");
    await tab.panel("job").locator('[data-job="done-before"][data-state="done"]').waitFor();
    await start(tab, "twice");
    await tab.panel("job").locator('[data-job="twice"]').waitFor();
    await start(tab, "twice");
    await tab.panel("job").getByRole("alert").waitFor();
    await tab.panel("whoami").getByRole("button", { name: "REST" }).click();
    await tab.panel("whoami").getByText("user_id").waitFor();
    const wide = await tab.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(wide, "pixels that stick out sideways").toBeLessThanOrEqual(0);

    const folder = join(import.meta.dirname, "screenshots");
    mkdirSync(folder, { recursive: true });
    const backgrounds = new Set<string>();
    for (const colorScheme of ["light", "dark"] as const) {
      await tab.page.emulateMedia({ colorScheme });
      backgrounds.add(await tab.page.evaluate(() => getComputedStyle(document.body).backgroundColor));
      await tab.page.screenshot({
        path: join(folder, `${name}-${colorScheme}.png`),
        fullPage: true,
        animations: "disabled",
      });
    }
    expect(backgrounds.size).toBe(2);
  });
});

describe("team", () => {
  test("shows the members, and the hashes of their passwords are nowhere", async () => {
    const tab = await open();
    for (const member of ["alice@example.com", "bruno@example.com", "chidi@example.com"]) {
      await tab.panel("team").getByText(member).waitFor();
    }
    const hashes = storedHashes();
    expect(hashes).toHaveLength(3);
    const places = {
      page: await tab.page.content(),
      traffic: tab.traffic.join("\n"),
      rest: await (await fetch(`${url}/api/team`)).text(),
      openapi: await (await fetch(`${url}/api/openapi.json`)).text(),
      contract: readFileSync(join(root, "app/backend/fuse.contract.json"), "utf8"),
      types: readFileSync(join(root, "app/frontend/src/lib/fuse.ts"), "utf8"),
    };
    // The looking itself works: the frames and the answer do hold the members.
    expect(places.traffic).toContain("alice@example.com");
    expect(places.rest).toContain("alice@example.com");
    for (const [place, text] of Object.entries(places)) {
      for (const secret of ["password_hash", ...hashes]) expect(text.includes(secret), place).toBe(false);
    }
  });
});

describe("chat", () => {
  test("arrives word by word, to the end", async () => {
    const tab = await open();
    const chat = tab.panel("chat");
    await chat.getByRole("textbox").fill("tell me");
    await chat.getByRole("button", { name: "Send" }).click();
    await chat.getByText(/^[1-9] words · writing/).waitFor();
    await chat.locator('[data-state="finished"]').waitFor();
    expect(await chat.locator("[data-state] p").first().textContent()).toMatch(
      /^You wrote: “tell me”\. .*tell\. $/,
    );
  });

  test("Stop stops it in Python", async () => {
    const tab = await open();
    const chat = tab.panel("chat");
    const before = await chatActivity();
    await chat.getByRole("button", { name: "Send" }).click();
    await chat.getByText(/^[3-9] words · writing/).waitFor();
    await chat.getByRole("button", { name: "Stop" }).click();
    await chat.locator('[data-state="stopped"]').waitFor();
    const words = await chat.getByText(/words · stopped/).textContent();

    await expect.poll(chatActivity).toEqual({ ...before, writing: 0, stopped: before.stopped + 1 });
    await chat.getByText(`${before.stopped + 1} stopped`).waitFor();
    expect(await chat.getByText(/words · stopped/).textContent()).toBe(words);
  });

  test("closing the tab stops it as well", async () => {
    const tab = await open();
    const before = await chatActivity();
    await tab.panel("chat").getByRole("button", { name: "Send" }).click();
    await tab
      .panel("chat")
      .getByText(/words · writing/)
      .waitFor();
    await tab.page.close();
    await expect.poll(chatActivity).toEqual({ ...before, writing: 0, stopped: before.stopped + 1 });
  });
});

describe("job", () => {
  test("its progress is seen in every tab of one person, and by nobody else", async () => {
    const first = await open();
    const second = await open();
    const stranger = await newPerson(browser);
    onTestFinished(() => stranger.close());
    const other = await open(stranger);

    await start(first, "report-1");
    await second.panel("job").locator('[data-job="report-1"][data-state="running"]').waitFor();
    for (const tab of [first, second]) {
      await tab.panel("job").locator('[data-job="report-1"][data-state="done"]').waitFor();
      expect(await tab.panel("job").locator("progress").getAttribute("value")).toBe("100");
    }
    // Their own job comes through on the same connection, later than the other person's would have.
    await start(other, "report-2");
    await other.panel("job").locator('[data-job="report-2"][data-state="done"]').waitFor();
    expect(await other.panel("job").locator("progress").count()).toBe(1);
    expect(other.traffic.join("")).not.toContain("report-1");
  });

  test("what the server refuses is told to the person", async () => {
    const tab = await open();
    await start(tab, "twice");
    await tab.panel("job").locator('[data-job="twice"]').waitFor();
    await start(tab, "twice");
    await tab.panel("job").getByText("twice is running already").waitFor();
  });

  test("a dry run starts nothing", async () => {
    const tab = await open();
    await tab.panel("job").getByRole("checkbox").check();
    await start(tab, "maybe");
    await tab.panel("job").getByText("maybe could start").waitFor();
    expect(await tab.panel("job").locator("progress").count()).toBe(0);
  });
});

test("whoami: one limit over WebSocket and REST", async () => {
  // The sixth answer is a 429, which the browser notes on its console.
  const tab = await openTab(person, url);
  const whoami = tab.panel("whoami");
  const ask = async (way: "WebSocket" | "REST") => {
    const button = whoami.getByRole("button", { name: way });
    await button.click();
    await whoami.locator(`dl[data-way="${way}"]:not([data-asking])`).waitFor();
  };
  await ask("WebSocket");
  expect(await whoami.locator("dd").nth(1).textContent()).toBe("true");
  await ask("REST");
  expect(await whoami.locator("dd").nth(1).textContent()).toBe("false");
  for (const way of ["WebSocket", "REST", "WebSocket"] as const) await ask(way);
  await whoami.getByRole("button", { name: "REST" }).click();
  await whoami.getByText(/That was too often\. Try again in \d+ minutes/).waitFor();
  await whoami.getByRole("button", { name: "WebSocket" }).click();
  await whoami.getByText(/That was too often\. Try again in \d+ minutes/).waitFor();
});

async function start(tab: Tab, job: string): Promise<void> {
  await tab.panel("job").getByRole("textbox").fill(job);
  await tab.panel("job").getByRole("button", { name: "Start" }).click();
}

async function chatActivity(): Promise<{ writing: number; finished: number; stopped: number }> {
  return (await fetch(`${url}/api/chat/activity`)).json();
}

function storedHashes(): string[] {
  const script =
    "import sqlite3, sys; [print(row[0]) for row in sqlite3.connect(sys.argv[1]).execute('select password_hash from users')]";
  const python = join(REPOSITORY, ".venv/bin/python");
  return execFileSync(python, ["-c", script, inject("database")], { encoding: "utf8" })
    .trim()
    .split("\n");
}
