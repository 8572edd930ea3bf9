import { defineConfig } from "vitest/config";

const file = (path: string) => new URL(path, import.meta.url).pathname;

export default defineConfig({
  resolve: { alias: { "$lib/fuse": file("./snippets/fuse.ts") } },
  test: { include: ["*/*.test.ts"], testTimeout: 60_000, hookTimeout: 60_000 },
});
