import { svelte, vitePreprocess } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

export default defineConfig({
  // For the tests of rendering on a server; the pages are built by support/pages.ts.
  plugins: [svelte({ configFile: false, preprocess: vitePreprocess() })],
  test: {
    include: ["**/*.test.{ts,tsx}"],
    globalSetup: "support/global-setup.ts",
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
