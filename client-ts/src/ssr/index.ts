/**
 * `@fusewire/client/ssr`: calls that a server makes for the person whose request it is answering.
 *
 * @module
 */

/** As much of a request as is used. A `Request` fits, and so does what frameworks pass along in its place. */
export interface IncomingRequest {
  readonly headers: { get(name: string): string | null };
  readonly signal?: AbortSignal | null | undefined;
}

export interface FetchAsOptions {
  /**
   * The browser's address, as the framework knows it (SvelteKit: `event.getClientAddress()`), sent as `X-Forwarded-For`.
   * The backend believes it if it trusts this server (uvicorn: `--forwarded-allow-ips`). Without it everybody who is not
   * logged in shares this server's rate limits.
   */
  readonly clientIp?: string | undefined;
  /** Told every `Set-Cookie` line of an answer, for instance of a login; the browser gets it only if it is passed on. */
  readonly onSetCookie?: ((line: string) => void) | undefined;
  /** What does the work. Default: the global one. */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

/** What of the browser's request goes along. */
const FORWARDED = ["cookie", "authorization", "accept-language"];

/**
 * A `fetch` for one request: `connect({ url, fetch: fetchAs(request) })`. It sends the cookies, the `Authorization` and
 * the languages of that request, unless the client sets them itself, and ends when the browser hangs up. Make one, and
 * one client, for each request, and keep neither: what they fetch is what this person may see.
 */
export function fetchAs(request: IncomingRequest, options: FetchAsOptions = {}): typeof globalThis.fetch {
  const { clientIp, onSetCookie, fetch = globalThis.fetch } = options;
  return async (input, init = {}) => {
    const headers = new Headers(init.headers);
    for (const name of FORWARDED) {
      const value = request.headers.get(name);
      if (value !== null && !headers.has(name)) headers.set(name, value);
    }
    if (clientIp !== undefined) headers.set("x-forwarded-for", clientIp);
    const signals = [init.signal, request.signal].filter((signal) => signal != null);
    const response = await fetch(input, { ...init, headers, signal: AbortSignal.any(signals) });
    if (onSetCookie !== undefined) for (const line of response.headers.getSetCookie()) onSetCookie(line);
    return response;
  };
}
