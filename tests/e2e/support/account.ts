import type { Browser, BrowserContext, BrowserContextOptions } from "playwright-core";
import { newPerson, type Tab } from "./page.ts";

let made = 0;

/** A name that nobody has in any database of this run. */
export function freshName(): string {
  made += 1;
  return `person-${Date.now().toString(36)}-${made}`;
}

export const PASSWORD = "correct horse battery";

/** Fills in and sends the form of /login, once it is there in that mode: its links change it in place. */
export async function logIn(
  tab: Tab,
  username: string,
  mode: "Log in" | "Create account" = "Log in",
  password = PASSWORD,
): Promise<void> {
  const form = tab.panel("login");
  const title = mode === "Log in" ? "Log in" : "Create an account";
  await form.getByRole("heading", { name: title, exact: true }).waitFor();
  await form.getByLabel("User name").fill(username);
  await form.getByLabel("Password").fill(password);
  await form.getByRole("button", { name: mode, exact: true }).click();
}

export async function known(tab: Tab, username: string): Promise<void> {
  await tab.page.locator(`[data-account="${username}"]`).waitFor();
  await tab.connected();
}

/** A browser of somebody who has an account and is logged in; made over REST, as a script would. */
export async function newMember(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<{ context: BrowserContext; username: string }> {
  const context = await newPerson(browser, options);
  const username = freshName();
  const answer = await context.request.post(`${url}/api/register`, {
    data: { username, password: PASSWORD },
  });
  if (!answer.ok()) throw new Error(`register: ${answer.status()} ${await answer.text()}`);
  return { context, username };
}
