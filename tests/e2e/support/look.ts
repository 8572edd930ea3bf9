import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Tab } from "./page.ts";

/** For whoever wants to look. */
export async function shoot(tab: Tab, name: string): Promise<void> {
  const folder = join(import.meta.dirname, "../screenshots");
  mkdirSync(folder, { recursive: true });
  await tab.page.screenshot({ path: join(folder, `${name}.png`) });
}

export async function startJob(tab: Tab, name: string): Promise<void> {
  await tab.panel("job").getByRole("textbox").fill(name);
  await tab.panel("job").getByRole("button", { name: "Start" }).click();
}

export const job = (tab: Tab, name: string, state: "running" | "done") =>
  tab.panel("job").locator(`[data-job="${name}"][data-state="${state}"]`);
