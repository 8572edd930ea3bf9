import { join } from "node:path";
import { svelte, vitePreprocess } from "@sveltejs/vite-plugin-svelte";
import { build } from "vite";

const PAGES = join(import.meta.dirname, "../pages");

/** Builds the pages as an app would; React's development build, whose StrictMode mounts everything twice. */
export async function buildPages(folder: string): Promise<void> {
  await build({
    configFile: false,
    root: PAGES,
    base: "/pages/",
    mode: "development",
    define: { "process.env.NODE_ENV": JSON.stringify("development") },
    logLevel: "error",
    plugins: [svelte({ configFile: false, preprocess: vitePreprocess() })],
    build: {
      outDir: folder,
      emptyOutDir: true,
      minify: false,
      rolldownOptions: { input: ["svelte", "react", "story"].map((page) => join(PAGES, page, "index.html")) },
    },
  });
}
