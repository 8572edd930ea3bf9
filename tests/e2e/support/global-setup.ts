import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { startDev } from "./dev-server.ts";
import { copyRepository } from "./working-copy.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** The copy of the repository that ./dev.sh runs in. */
    root: string;
    url: string;
    /** A running site only: a file that keeps its backend stopped while it is there. */
    door: string;
    database: string;
  }
}

const ARTEFACTS = join(import.meta.dirname, "../screenshots");

/**
 * One copy and one ./dev.sh for all test files; or, with FUSEWIRE_SITE, a site that is running already: the journey passes
 * there too.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const site = process.env.FUSEWIRE_SITE;
  if (site !== undefined) {
    project.provide("url", site);
    project.provide("door", process.env.FUSEWIRE_DOOR ?? "");
    return async () => undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), "fusewire-e2e-"));
  const root = join(folder, "fusewire");
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    copyRepository(root);
    const dev = await startDev(root, "main");
    project.provide("root", root);
    project.provide("url", dev.url);
    project.provide("door", "");
    project.provide("database", dev.database);
    return async () => {
      await dev.stop();
      // For whoever looks into a failure.
      mkdirSync(ARTEFACTS, { recursive: true });
      writeFileSync(join(ARTEFACTS, "dev.log"), dev.output);
      remove();
    };
  } catch (error) {
    remove();
    throw error;
  }
}
