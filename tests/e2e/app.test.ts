import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, onTestFinished, test } from "vitest";
import { newMember } from "./support/account.ts";
import { launch } from "./support/chromium.ts";
import { openTab, type Tab } from "./support/page.ts";
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
  person = (await newMember(browser, url)).context;
  return () => person.close();
});

async function open(path: string, context = person): Promise<Tab> {
  const tab = await openTab(context, url + path);
  onTestFinished(() => expect(tab.complaints).toEqual([]));
  return tab;
}

const PAGES = ["/", "/login", "/team", "/chat", "/job", "/whoami"];

describe("the pages", () => {
  test.each([
    ["/", "Python functions, called from this page"],
    ["/login", "Log in"],
    ["/team", "Team"],
    ["/chat", "Chat"],
    ["/job", "Background job"],
    ["/whoami", "Who am I?"],
  ])("%s is rendered on the server, before any script runs", async (path, title) => {
    const html = await (await fetch(url + path)).text();
    expect(html).toMatch(new RegExp(`<h1[^>]*>${title.replace("?", "\\?")}`));
    expect(html).toContain("Not connected yet");
  });

  test("the team is in the page that is sent", async () => {
    expect(await (await fetch(`${url}/team`)).text()).toContain("alice@example.com");
  });

  test("one that is older than its server works, and offers to be loaded anew", async () => {
    const generated = /\/src\/lib\/fuse\.ts/;
    await person.route(generated, async (route) => {
      const response = await route.fetch();
      const body = (await response.text()).replace(/calls: "\w+"/, 'calls: "0123456789abcdef"');
      // Not to be kept: with the real file's tag it would be taken for that one.
      const headers = { "content-type": "text/javascript", "cache-control": "no-store" };
      await route.fulfill({ body, headers });
    });
    const tab = await open("/chat");
    const newer = tab.page.locator("[data-banner]").getByText("There is a new version of this page");
    await newer.waitFor();
    await tab.panel("chat").getByRole("button", { name: "Send" }).click();
    await tab.panel("chat").locator('[data-state="finished"]').waitFor();
    await person.unroute(generated);
    await tab.page.locator("[data-banner]").getByRole("button", { name: "Reload" }).click();
    await newer.waitFor({ state: "detached" });
    await tab.connected();
    expect(await newer.count()).toBe(0);
  });

  test("share one socket per tab", async () => {
    const tab = await open("/team");
    await tab.panel("team").getByText("alice@example.com").waitFor();
    await tab.page.getByRole("navigation").getByRole("link", { name: "Who am I?" }).click();
    await tab.panel("whoami").getByRole("button", { name: "WebSocket" }).click();
    await tab.panel("whoami").getByText("user_id").waitFor();
    expect(tab.sockets.filter((socket) => !socket.isClosed())).toHaveLength(1);
  });

  test.each([
    { name: "desktop", viewport: { width: 1280, height: 900 } },
    { name: "phone", viewport: { width: 390, height: 844 } },
  ])("fit a $name, light and dark", async ({ name, viewport }) => {
    const { context } = await newMember(browser, url, { viewport });
    onTestFinished(() => context.close());
    const folder = join(import.meta.dirname, "screenshots");
    mkdirSync(folder, { recursive: true });
    for (const path of [...PAGES, "/landing"]) {
      if (path === "/landing") await context.clearCookies();
      const tab = await openTab(context, url + (path === "/landing" ? "/" : path));
      await fill(tab, path);
      const wide = await tab.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(wide, `pixels of ${path} that stick out sideways`).toBeLessThanOrEqual(0);
      expect(await smallTargets(tab), `tap targets of ${path}`).toEqual([]);
      const backgrounds = new Set<string>();
      for (const colorScheme of ["light", "dark"] as const) {
        await tab.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        backgrounds.add(await tab.page.evaluate(() => getComputedStyle(document.body).backgroundColor));
        const file = `${path.slice(1) || "home"}-${name}-${colorScheme}.png`;
        await tab.page.screenshot({ path: join(folder, file), fullPage: true });
      }
      expect(backgrounds.size).toBe(2);
      await tab.page.close();
    }
  });
});

describe("team", () => {
  test("shows the members, and the hashes of their passwords are nowhere", async () => {
    const tab = await open("/team");
    for (const member of ["alice@example.com", "bruno@example.com", "chidi@example.com"]) {
      await tab.panel("team").getByText(member).waitFor();
    }
    const hashes = storedHashes();
    expect(hashes.length).toBeGreaterThan(3);
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
    const tab = await open("/chat");
    const chat = tab.panel("chat");
    await chat.getByRole("textbox").fill("tell me");
    await chat.getByRole("button", { name: "Send" }).click();
    await chat.getByText(/^[1-9] words · writing/).waitFor();
    await chat.locator('[data-state="finished"]').waitFor();
    expect(await chat.locator("[data-state] p").first().textContent()).toMatch(
      /^You wrote: “tell me”\. [\s\S]*too much to do\.$/,
    );
  });

  test("Stop stops it in Python", async () => {
    const tab = await open("/chat");
    const chat = tab.panel("chat");
    const before = await chatActivity();
    await chat.getByRole("button", { name: "Send" }).click();
    await chat.getByText(/^[3-9] words · writing/).waitFor();
    await chat.getByRole("button", { name: "Stop" }).click();
    await chat.locator('[data-state="stopped"]').waitFor();
    const words = await chat.getByText(/words · stopped/).textContent();

    await expect.poll(chatActivity).toEqual({ ...before, writing: 0, stopped: before.stopped + 1 });
    await chat.getByText(`stopped: ${before.stopped + 1}`).waitFor();
    expect(await chat.getByText(/words · stopped/).textContent()).toBe(words);
  });

  test("closing the tab stops it as well", async () => {
    const tab = await open("/chat");
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
    const first = await open("/job");
    const second = await open("/job");
    const stranger = (await newMember(browser, url)).context;
    onTestFinished(() => stranger.close());
    const other = await open("/job", stranger);

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
    const tab = await open("/job");
    await start(tab, "twice");
    await tab.panel("job").locator('[data-job="twice"]').waitFor();
    await start(tab, "twice");
    await tab.panel("job").getByText("twice is running already").waitFor();
  });

  test("a dry run starts nothing", async () => {
    const tab = await open("/job");
    await tab.panel("job").getByRole("checkbox").check();
    await start(tab, "maybe");
    await tab.panel("job").getByText("maybe could start").waitFor();
    expect(await tab.panel("job").locator("progress").count()).toBe(0);
  });
});

test("whoami: one limit over WebSocket and HTTP", async () => {
  // The sixth answer is a 429, which the browser notes on its console.
  const tab = await openTab(person, `${url}/whoami`);
  const over = (way: "WebSocket" | "HTTP") => tab.panel("whoami").locator(`[data-way="${way}"]`);
  const ask = async (way: "WebSocket" | "HTTP") => {
    await over(way).getByRole("button").click();
    await tab.panel("whoami").locator(`[data-way="${way}"]:not([data-asking])`).waitFor();
  };
  await ask("WebSocket");
  await over("WebSocket").getByText("user_id").waitFor();
  expect(await over("WebSocket").locator("dd").nth(1).textContent()).toBe("true");
  await ask("HTTP");
  await over("HTTP").getByText("user_id").waitFor();
  expect(await over("HTTP").locator("dd").nth(1).textContent()).toBe("false");
  for (const way of ["WebSocket", "HTTP", "WebSocket"] as const) await ask(way);
  for (const way of ["HTTP", "WebSocket"] as const) {
    await over(way).getByRole("button").click();
    await over(way)
      .getByText(/That was too often\. Try again in \d+ minutes/)
      .waitFor();
  }
});

async function start(tab: Tab, job: string): Promise<void> {
  await tab.panel("job").getByRole("textbox").fill(job);
  await tab.panel("job").getByRole("button", { name: "Start" }).click();
}

/** What the model's stand-in has seen: a server of its own, behind the SDK. */
async function chatActivity(): Promise<{ writing: number; finished: number; stopped: number }> {
  return (await (await fetch(`${url}/api/chat/model`)).json()).fake;
}

/** Something to look at. */
async function fill(tab: Tab, path: string): Promise<void> {
  if (path === "/") await tab.panel("account").waitFor();
  if (path === "/landing") await tab.panel("landing").getByRole("link", { name: "Log in" }).waitFor();
  if (path === "/team") await tab.panel("team").getByText("alice@example.com").waitFor();
  if (path === "/chat") {
    await tab.panel("chat").getByRole("button", { name: "Send" }).click();
    await tab.panel("chat").locator('[data-state="finished"]').waitFor();
  }
  if (path === "/job") {
    await start(tab, "done-before");
    await tab.panel("job").locator('[data-job="done-before"][data-state="done"]').waitFor();
    await start(tab, "twice");
    await tab.panel("job").locator('[data-job="twice"]').waitFor();
    await start(tab, "twice");
    await tab.panel("job").getByRole("alert").waitFor();
  }
  if (path === "/whoami") {
    for (const way of ["WebSocket", "HTTP"])
      await tab.panel("whoami").getByRole("button", { name: way }).click();
    await expect.poll(() => tab.panel("whoami").getByText("user_id").count()).toBe(2);
  }
}

/** Buttons, fields and links of the navigation that a finger would miss: below 44 pixels high. */
async function smallTargets(tab: Tab): Promise<string[]> {
  return tab.page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("button, .button, nav a, input:not([type=checkbox])")]
      .filter((each) => each.getBoundingClientRect().height < 44)
      .map((each) => each.outerHTML),
  );
}

function storedHashes(): string[] {
  const script =
    "import sqlite3, sys; [print(row[0]) for row in sqlite3.connect(sys.argv[1]).execute('select password_hash from users')]";
  const python = join(REPOSITORY, ".venv/bin/python");
  return execFileSync(python, ["-c", script, inject("database")], { encoding: "utf8" })
    .trim()
    .split("\n");
}
