import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from "vitest";
import { freshName, known, logIn, newMember } from "./support/account.ts";
import { launch } from "./support/chromium.ts";
import { job, shoot, startJob } from "./support/look.ts";
import { newPerson, openTab } from "./support/page.ts";

const url = inject("url");

let browser: Browser;

beforeAll(async () => {
  browser = await launch();
});

afterAll(() => browser.close());

async function person(): Promise<BrowserContext> {
  const context = await newPerson(browser);
  onTestFinished(() => context.close());
  return context;
}

async function member(): Promise<{ context: BrowserContext; username: string }> {
  const made = await newMember(browser, url);
  onTestFinished(() => made.context.close());
  return made;
}

test("register, see each page, log out, log in again", async () => {
  const context = await person();
  const username = freshName();
  const tab = await openTab(context, url);
  await tab.panel("landing").getByRole("link", { name: "Create an account" }).click();
  await logIn(tab, username, "Create account");
  await known(tab, username);
  await tab
    .panel("account")
    .getByRole("heading", { name: `Hello, ${username}` })
    .waitFor();
  await tab.panel("account").getByText("Member since").waitFor();
  const sockets = tab.sockets.length;
  const [cookie] = await context.cookies();
  expect(cookie).toMatchObject({ name: "fusewire_session", httpOnly: true, sameSite: "Lax", path: "/" });
  expect(await tab.page.evaluate(() => document.cookie)).toBe("");

  const nav = tab.page.getByRole("navigation");
  await nav.getByRole("link", { name: "Team" }).click();
  await tab.panel("team").getByText("alice@example.com").waitFor();
  await nav.getByRole("link", { name: "Chat" }).click();
  await tab.panel("chat").getByText("fake model", { exact: true }).waitFor();
  await tab.panel("chat").getByRole("button", { name: "Send" }).click();
  await tab.panel("chat").locator('[data-state="finished"]').waitFor();
  await nav.getByRole("link", { name: "Job" }).click();
  await startJob(tab, "tour");
  await job(tab, "tour", "done").waitFor();
  await nav.getByRole("link", { name: "Who am I?" }).click();
  for (const way of ["WebSocket", "HTTP"]) {
    await tab
      .panel("whoami")
      .getByRole("button", { name: `Ask over ${way}` })
      .click();
    const id = tab.panel("whoami").locator(`[data-way="${way}"] dd`).first();
    await id.waitFor();
    // The socket is the new person's too, not only the requests.
    expect(await id.textContent()).toMatch(/^[0-9a-f-]{36}$/);
  }
  expect(tab.sockets, "going from page to page opens no other socket").toHaveLength(sockets);

  await tab.page.getByRole("button", { name: "Log out" }).click();
  await tab.panel("landing").waitFor();
  expect(await context.cookies()).toEqual([]);
  await tab.page.getByRole("banner").getByRole("link", { name: "Log in" }).click();
  await logIn(tab, username);
  await known(tab, username);
  expect(tab.complaints).toEqual([]);
});

test("a wrong password and a name that nobody has are told alike; a taken name is told", async () => {
  const { username } = await member();
  const tab = await openTab(await person(), `${url}/login`);
  for (const name of [username, freshName()]) {
    await logIn(tab, name, "Log in", "not the password");
    await tab.panel("login").getByText("Wrong name or password").waitFor();
  }
  await tab.panel("login").getByRole("link", { name: "Create one" }).click();
  await logIn(tab, username, "Create account");
  await tab.panel("login").getByText(`The name “${username}” is taken`).waitFor();
  await shoot(tab, "taken");
  expect(new URL(tab.page.url()).pathname).toBe("/login");
});

test("a page for members sends to the login and comes back; an outside address does not", async () => {
  const { username } = await member();
  const tab = await openTab(await person(), `${url}/chat`);
  await tab.panel("chat").getByRole("link", { name: "Log in" }).waitFor();
  await shoot(tab, "members-only");
  await tab.panel("chat").getByRole("link", { name: "Log in" }).click();
  await logIn(tab, username);
  await known(tab, username);
  expect(new URL(tab.page.url()).pathname).toBe("/chat");

  const other = await openTab(await person(), `${url}/login?next=https://example.com/stolen`);
  await logIn(other, username);
  await known(other, username);
  expect(new URL(other.page.url()).origin).toBe(new URL(url).origin);
});

test("two tabs see one job, another person sees nothing of it", async () => {
  const { context } = await member();
  const stranger = await member();
  const first = await openTab(context, `${url}/job`);
  const second = await openTab(context, `${url}/job`);
  const other = await openTab(stranger.context, `${url}/job`);
  const name = freshName();
  await startJob(first, name);
  await job(second, name, "running").waitFor();
  for (const tab of [first, second]) {
    await job(tab, name, "done").waitFor();
    expect(await tab.panel("job").locator("progress").getAttribute("value")).toBe("100");
  }
  // Their own job comes through on the same connection, later than the other person's would have.
  await startJob(other, "own");
  await job(other, "own", "done").waitFor();
  expect(await other.panel("job").locator("progress").count()).toBe(1);
  expect(other.traffic.join("")).not.toContain(name);
});

test("logging out in one tab logs out the other", async () => {
  const { context, username } = await member();
  const first = await openTab(context, url);
  const second = await openTab(context, url);
  await known(second, username);
  await known(first, username);
  await first.page.getByRole("button", { name: "Log out" }).click();
  for (const tab of [first, second])
    await tab.panel("landing").getByRole("link", { name: "Log in" }).waitFor();
});

test("a cookie that is not valid any more is no obstacle", async () => {
  const context = await person();
  const username = freshName();
  await context.addCookies([
    { name: "fusewire_session", value: "stale", url, httpOnly: true, sameSite: "Lax" },
  ]);
  const tab = await openTab(context, `${url}/login?mode=register`);
  await logIn(tab, username, "Create account");
  await known(tab, username);
});

test("a busy model is told to the person", async () => {
  const { context } = await member();
  const tab = await openTab(context, `${url}/chat`);
  await tab.panel("chat").getByRole("textbox").fill("be busy");
  await tab.panel("chat").getByRole("button", { name: "Send" }).click();
  await tab.panel("chat").getByText("The model is busy. Try again in 7 s.").waitFor();
});

test("a failure that belongs to no form is told too, until it is closed", async () => {
  const { context } = await member();
  const tab = await openTab(context, url);
  await tab.page.route("**/api/logout", (route) => route.abort());
  await tab.page.getByRole("button", { name: "Log out" }).click();
  await tab.page.locator("[data-toast]").getByText("The connection was lost").waitFor();
  await shoot(tab, "toast");
  await tab.page.getByRole("button", { name: "Close this message" }).click();
  expect(await tab.page.locator("[data-toast]").count()).toBe(0);
});
