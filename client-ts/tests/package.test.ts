import { readFileSync } from "node:fs";
import { publint } from "publint";
import { expect, it } from "vitest";

const ROOT = new URL("..", import.meta.url).pathname;
const { exports, peerDependencies, peerDependenciesMeta } = JSON.parse(
  readFileSync(`${ROOT}package.json`, "utf8"),
) as {
  exports: Record<string, { default: string } | string>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional: boolean }>;
};

it("is packed as its package.json says (of the last build)", async () => {
  const { messages } = await publint({ pkgDir: ROOT, strict: true });
  expect(messages).toEqual([]);
});

it("each sub-path can be imported on a server", async () => {
  for (const [path, target] of Object.entries(exports)) {
    if (typeof target === "string") continue;
    const module: object = await import(`${ROOT}${target.default}`);
    expect(Object.keys(module), path).not.toEqual([]);
  }
});

it("nobody is made to install a framework", () => {
  const optional = Object.keys(peerDependenciesMeta).filter((name) => peerDependenciesMeta[name]?.optional);
  expect(optional).toEqual(Object.keys(peerDependencies));
});
