import { sveltekit } from "@sveltejs/kit/vite";
import { createLogger, defineConfig, type ProxyOptions } from "vite";

const port = Number(process.env.PORT ?? 4053);

// ./dev.sh chooses the backend's port. changeOrigin off: the backend compares Origin with the Host that the browser asked for.
const backend: ProxyOptions = {
  target: process.env.BACKEND_URL ?? "http://127.0.0.1:8000",
  changeOrigin: false,
  xfwd: true,
  configure(proxy) {
    proxy.on("error", (_error, _request, response) => {
      // A socket is what a WebSocket fails with; its page tries again by itself.
      if (!("writeHead" in response) || response.headersSent) return;
      response.writeHead(503, { "content-type": "application/json" });
      response.end(
        JSON.stringify({ code: "UNAVAILABLE", detail: "The backend does not answer. It may be restarting." }),
      );
    });
  },
};

// While the backend restarts, each attempt of an open page to reconnect would be a stack trace.
const logger = createLogger("warn");
const { error } = logger;
logger.error = (message, options) => {
  if (!/proxy (socket )?error/.test(message)) error(message, options);
};

export default defineConfig({
  plugins: [sveltekit()],
  customLogger: logger,
  server: {
    host: "127.0.0.1",
    port,
    strictPort: true,
    proxy: { "/api": backend, "/_ws": { ...backend, ws: true } },
  },
});
