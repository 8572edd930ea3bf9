import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, it } from "vitest";

const SRC = new URL("../src", import.meta.url).pathname;
/** Lowest first. A module may import from its own row and from the rows above it in this list. */
const LAYERS = [
  ["wire/"],
  ["ports.ts", "errors.ts", "failures.ts", "values.ts", "hooks.ts"],
  ["arguments.ts", "queue.ts", "safe.ts"],
  ["connection/"],
  ["transports/"],
  ["descriptor.ts"],
  ["stream.ts", "call.ts", "listeners.ts", "methods.ts"],
  ["resuming.ts", "retrying.ts"],
  ["options.ts"],
  ["shared.ts"],
  ["client.ts"],
  ["ui/"],
  ["svelte/", "react/", "query/", "ssr/"],
  ["index.ts"],
];
/** What a sub-path may import besides; with `type`, nothing of it at run time. */
const FROM_OUTSIDE: Record<string, RegExp> = {
  "svelte/": /^import .* from "svelte\/reactivity"/,
  "react/": /^import .* from "react"/,
  "query/": /^import type .* from "@tanstack\/query-core"/,
};

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
const sourceOf = (file: string): string => readFileSync(join(SRC, file), "utf8");
const layerOf = (file: string): number =>
  LAYERS.findIndex((names) =>
    names.some((name) => (name.endsWith("/") ? file.startsWith(name) : file === name)),
  );
const importsOf = (file: string): string[] =>
  [...sourceOf(file).matchAll(/from\s+"(.+?)"/g)].map((match) => match[1] ?? "");
const resolve = (file: string, target: string): string =>
  normalize(join(dirname(file), target)).replace(/\.js$/, ".ts");

it("knows every module", () => {
  expect(files.length).toBeGreaterThan(20);
  expect(files.filter((file) => layerOf(file) < 0)).toEqual([]);
});

it.each(files)("%s imports downwards only, and nothing from outside", (file) => {
  const outside = FROM_OUTSIDE[file.replace(/[^/]*$/, "")];
  for (const line of sourceOf(file).match(/^.*\sfrom\s+"[^.].*$/gm) ?? [])
    expect(line).toMatch(outside ?? "nothing");
  for (const target of importsOf(file)) {
    if (!target.startsWith(".")) continue;
    const other = resolve(file, target);
    expect(files).toContain(other);
    expect(layerOf(other), `${file} → ${other}`).toBeLessThanOrEqual(layerOf(file));
  }
});

it("has no circles", () => {
  const graph = new Map(files.map((file) => [file, importsOf(file).map((target) => resolve(file, target))]));
  const visit = (file: string, path: readonly string[]): void => {
    expect(path, [...path, file].join(" → ")).not.toContain(file);
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
  };
  for (const file of files) visit(file, []);
});

it("keeps the wire free of input, output and time, and what is told about a link too", () => {
  const told = ["connection/link.ts", "connection/flights.ts", "connection/backoff.ts"];
  const pure = files.filter((file) => file.startsWith("wire/") || told.includes(file));
  for (const file of pure) {
    const code = sourceOf(file).replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    expect(code, file).not.toMatch(
      /\b(setTimeout|fetch|WebSocket|Math\.random|performance|Date\.now|await|globalThis)\b/,
    );
  }
});
