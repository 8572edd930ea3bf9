import { sveltekit } from "@sveltejs/kit/vite";
import { defineConfig, type ProxyOptions } from "vite";

const port = Number(process.env.PORT ?? 4053);

// ./dev.sh chooses the backend's port. changeOrigin off: the backend compares Origin with the Host that the browser asked for.
const backend: ProxyOptions = {
  target: process.env.BACKEND_URL ?? "http://127.0.0.1:8000",
  changeOrigin: false,
  xfwd: true,
};

export default defineConfig({
  plugins: [sveltekit()],
  clearScreen: false,
  server: {
    host: "127.0.0.1",
    port,
    strictPort: true,
    proxy: { "/api": backend, "/_ws": { ...backend, ws: true } },
  },
});
