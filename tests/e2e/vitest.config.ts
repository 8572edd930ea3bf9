import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["**/*.test.ts"],
    globalSetup: "support/global-setup.ts",
    // The tests edit the sources of one running app: one file at a time.
    fileParallelism: false,
    // One of 36 failed once in a complete run, and its cause is not known yet. A second try is shown in the report as such.
    retry: 1,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 30_000,
  },
});
