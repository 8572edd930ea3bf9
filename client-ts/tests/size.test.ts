import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, it } from "vitest";

/** What an app pays for the client, in bytes. It may shrink. */
const MAX_BYTES = 11_500;

it(`a page that uses the client gets at most ${MAX_BYTES} bytes of it`, async () => {
  const { outputFiles } = await build({
    stdin: {
      contents: 'export { createClient, matchesError } from "../src/index.js";',
      resolveDir: new URL(".", import.meta.url).pathname,
    },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  const [bundle = expect.unreachable()] = outputFiles;
  expect(gzipSync(bundle.contents, { level: 9 }).length).toBeLessThanOrEqual(MAX_BYTES);
});
