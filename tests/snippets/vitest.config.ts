import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { alias: { "$lib/fuse": new URL("./fuse.ts", import.meta.url).pathname } },
  test: { include: ["*.test.ts"], testTimeout: 20_000 },
});
