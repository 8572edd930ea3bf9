import { fetchAs } from "@fusewire/client/ssr";
import type { RequestEvent } from "@sveltejs/kit";
import { env } from "$env/dynamic/private";
import { type Client, connect } from "$lib/fuse";

/** How long a page waits for the backend before it is sent without its data, in milliseconds. */
const PATIENCE_MS = 1_500;

/** A client for the person whose request this is. For this request only: the next one is somebody else's. */
export function clientFor({ request, getClientAddress }: RequestEvent): Client {
  return connect({
    url: env.BACKEND_URL ?? "http://127.0.0.1:8000",
    fetch: fetchAs(request, { clientIp: getClientAddress() }),
    timeout: PATIENCE_MS,
  });
}
