import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

const GUIDE = join(import.meta.dirname, "../../docs/frontend.md");
/** Where tsconfig.json expects the guide's examples. */
const EXAMPLES = join(import.meta.dirname, "build/docs");

test("the pages, these tests and the guide's examples are typed", () => {
  onTestFinished(() => rmSync(EXAMPLES, { recursive: true, force: true }));
  expect(writeExamples()).toBeGreaterThan(8);
  const tool = dirname(createRequire(import.meta.url).resolve("svelte-check/package.json"));
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(tool, "bin/svelte-check"), "--workspace", import.meta.dirname, "--tsconfig", "./tsconfig.json"],
    { encoding: "utf8" },
  );
  expect(status, stdout).toBe(0);
}, 60_000);

/** Each code block of the guide as a file, at the path that its first line names if it does. */
function writeExamples(): number {
  const blocks = [...readFileSync(GUIDE, "utf8").matchAll(/^```(tsx?|svelte)\n([\s\S]*?)^```$/gm)];
  for (const [index, [, language, code = ""]] of blocks.entries()) {
    const path = /^\/\/ (src\/\S+\.ts)/.exec(code)?.[1] ?? `example-${index}.${language}`;
    mkdirSync(dirname(join(EXAMPLES, path)), { recursive: true });
    writeFileSync(join(EXAMPLES, path), code);
  }
  return blocks.length;
}
