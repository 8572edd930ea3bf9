import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildPages } from "./pages.ts";

/** The pages are built once, for the servers of all test files. */
export default async function setup(): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), "fusewire-ui-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.env.UI_PAGES = folder;
  try {
    await buildPages(folder);
  } catch (error) {
    remove();
    throw error;
  }
  return remove;
}
