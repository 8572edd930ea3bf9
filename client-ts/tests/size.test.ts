import { basename } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, it } from "vitest";

/**
 * What an app pays for the client, in bytes of `esbuild --bundle --minify --format=esm --target=es2022` and `gzip -9`.
 * They may shrink.
 */
const MAX_BYTES = {
  /** Calls, streams, events and status over the WebSocket, with the codec: what every page needs. */
  client: 9_000,
  /** The same as a page loads it at first, whose generated file offers HTTP: `--splitting`, the entry and what it imports. */
  page: 9_000,
  /** What it loads for its first call over HTTP. */
  http: 1_770,
  /** What an upload adds. */
  uploads: 600,
  /** What streams that survive their connection add. */
  resuming: 500,
  /** What an identity that is renewed, and a page that is shown again, add. */
  upkeep: 600,
  /** What calls that are sent again add. */
  retrying: 400,
  /** The client with all of them, and with events that are recovered. */
  parts: 11_000,
  /** What the generated `safe` adds where it is used. */
  safe: 300,
};
/** What each of the others is by itself, without the framework that it is for. */
const MAX_SUB_PATH_BYTES = { svelte: 1_000, react: 1_300, query: 1_200, ssr: 400 };

const CLIENT = 'export { createClient, matchesError } from "../src/index.js";';
const PAGE = `
  import { createClient, matchesError } from "../src/index.js";
  export const connect = (options) => createClient({ http: () => import("../src/transports/http.js") }, options);
  export { matchesError };
`;

/** The compressed sizes of the files that are loaded at once, and of those that are loaded when they are needed. */
async function sizesOf(contents: string): Promise<{ atOnce: number; later: number }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    write: false,
    metafile: true,
    outdir: "/out",
    external: ["react", "svelte/reactivity"],
  });
  const outputs = Object.entries(metafile.outputs).map(([path, output]) => ({
    ...output,
    path: basename(path),
  }));
  const loaded = (path: string): string[] => {
    const output = outputs.find((output) => output.path === path) ?? expect.unreachable(path);
    const imports = output.imports.filter(({ kind, external }) => kind === "import-statement" && !external);
    return [path, ...imports.flatMap((each) => loaded(basename(each.path)))];
  };
  const first = new Set(loaded("stdin.js"));
  const sum = (files: typeof outputFiles): number =>
    files.reduce((total, file) => total + gzipSync(file.contents, { level: 9 }).length, 0);
  return {
    atOnce: sum(outputFiles.filter((file) => first.has(basename(file.path)))),
    later: sum(outputFiles.filter((file) => !first.has(basename(file.path)))),
  };
}

it("a page gets no more of the client than it uses", async () => {
  const [client, page, uploads, resuming, upkeep, retrying, parts, safe] = await Promise.all([
    sizesOf(CLIENT),
    sizesOf(PAGE),
    sizesOf(`${CLIENT} export { uploads } from "../src/index.js";`),
    sizesOf(`${CLIENT} export { resuming } from "../src/index.js";`),
    sizesOf(`${CLIENT} export { upkeep } from "../src/index.js";`),
    sizesOf(`${CLIENT} export { retrying } from "../src/index.js";`),
    sizesOf(`${CLIENT} export { recovery, resuming, retrying, upkeep, uploads } from "../src/index.js";`),
    sizesOf(`${CLIENT} export { safely } from "../src/index.js";`),
  ]);
  const sizes = {
    client: client.atOnce,
    page: page.atOnce,
    http: page.later,
    uploads: uploads.atOnce - client.atOnce,
    resuming: resuming.atOnce - client.atOnce,
    upkeep: upkeep.atOnce - client.atOnce,
    retrying: retrying.atOnce - client.atOnce,
    parts: parts.atOnce,
    safe: safe.atOnce - client.atOnce,
  };
  console.info("bytes, compressed:", sizes);
  expect(client.later).toBe(0);
  for (const [part, most] of Object.entries(MAX_BYTES))
    expect(sizes[part as keyof typeof sizes], part).toBeLessThanOrEqual(most);
});

it("a binding is small, and brings nothing of the client along", async () => {
  const sizes: Record<string, number> = {};
  for (const [name, most] of Object.entries(MAX_SUB_PATH_BYTES)) {
    const { atOnce, later } = await sizesOf(`export * from "../src/${name}/index.js";`);
    sizes[name] = atOnce;
    expect(atOnce, name).toBeLessThanOrEqual(most);
    expect(later).toBe(0);
  }
  console.info("bytes of the sub-paths, compressed:", sizes);
});
