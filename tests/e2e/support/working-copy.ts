import { execFileSync } from "node:child_process";
import { copyFileSync, linkSync, mkdirSync, readdirSync, readlinkSync, symlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

export const REPOSITORY = resolve(import.meta.dirname, "../../..");

// Not needed to run the app, and two thirds of the bytes.
const LEFT_OUT = new Set(["@biomejs", "@sparticuz", ".cache"]);

/**
 * Copies what a commit would hold to `target`, so that tests can edit sources; installed npm packages come along as hard links.
 * There is no .venv and nothing is built: ./dev.sh meets the copy as it meets a fresh clone.
 */
export function copyRepository(target: string): void {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: REPOSITORY,
    encoding: "utf8",
  });
  for (const file of listed.split("\0").filter(Boolean)) {
    const to = join(target, file);
    mkdirSync(dirname(to), { recursive: true });
    try {
      copyFileSync(join(REPOSITORY, file), to);
    } catch (error) {
      // Deleted in the working tree, but not yet in the index.
      if (!isCode(error, "ENOENT")) throw error;
    }
  }
  linkTree(join(REPOSITORY, "node_modules"), join(target, "node_modules"));
}

function linkTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (LEFT_OUT.has(entry.name)) continue;
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) linkTree(source, target);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else linkOrCopy(source, target);
  }
}

function linkOrCopy(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch (error) {
    if (!isCode(error, "EXDEV")) throw error;
    copyFileSync(source, target);
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
