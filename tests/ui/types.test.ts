import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

test("the pages, and these tests, are typed", () => {
  const tool = dirname(createRequire(import.meta.url).resolve("svelte-check/package.json"));
  const options = ["--workspace", import.meta.dirname, "--tsconfig", "./tsconfig.json", "--fail-on-warnings"];
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(tool, "bin/svelte-check"), ...options, "--output", "human"],
    {
      encoding: "utf8",
    },
  );
  expect(status, stdout).toBe(0);
}, 60_000);
