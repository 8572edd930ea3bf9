// Imports nothing, so that it is a file of its own in every bundle. If it shared modules with the page's own file, some
// bundlers would cut those out into a third one, which every page would have to load at once.
import type { Link } from "../connection/link.js";
import type { RpcError } from "../errors.js";
import type { Auth, Call } from "../ports.js";
import { toHttpCall } from "./body.js";
import type { HttpTools } from "./tools.js";

/** Where and as whom to call. */
export interface HttpOptions {
  /** The server's base URL. Undefined: the page's own origin. */
  readonly url: string | undefined;
  /** The prefix of the routes. */
  readonly api: string;
  readonly fetch: typeof globalThis.fetch | undefined;
  readonly auth: Auth;
  /** Is told the hash of the server's call shapes, where it can be read. */
  readonly stale: (server: string | null) => void;
}

const MSGPACK = "application/msgpack";
/** The reader of a stream tells of each item that it takes. */
const LINK = { limits: { stream_items: 1, stream_bytes: 1 } };

/**
 * Calls with `fetch`: for procedures without a WebSocket form, and where there is no WebSocket. Loaded when it is first
 * needed. Never rejects.
 */
export async function callOverHttp(call: Call, options: HttpOptions, tools: HttpTools): Promise<void> {
  const { url, api, auth, fetch = globalThis.fetch } = options;
  const controller = new AbortController();
  call.stop = () => controller.abort();
  try {
    if (!(url || options.fetch || globalThis.location))
      throw new TypeError("a server has no origin of its own: pass url, or the framework's fetch");
    const { method, path, body } = toHttpCall(call, tools);
    const token = (await auth())?.token;
    if (call.settled) return;
    const headers: Record<string, string> = { accept: MSGPACK };
    if (body instanceof Uint8Array) headers["content-type"] = MSGPACK;
    if (typeof token === "string") headers.authorization = `Bearer ${token}`;
    if (call.timeoutMs) headers["fusewire-timeout"] = `${call.timeoutMs}`;
    call.link = LINK;
    const base = url?.replace(/^ws/, "http").replace(/\/+$/, "") ?? "";
    // Called without a receiver: the browser's own fetch refuses any but the window.
    const response = await fetch(base + api + path, {
      method,
      headers: { ...headers, ...call.headers },
      body,
      // Cookies go along for the page's own origin; for another one they must be asked for.
      credentials: url === undefined ? "same-origin" : "include",
      signal: controller.signal,
    });
    options.stale(response.headers.get("fusewire-calls"));
    if (!response.ok) call.fail(await errorOf(response, tools));
    else if (call.lane) await readStream(call, response, tools);
    else call.done(await bodyOf(response, tools));
  } catch (error) {
    // A TypeError is how `fetch` reports a network that failed, before the answer or in its middle.
    const isLost = call.link && error instanceof TypeError;
    call.fail(isLost ? lost(tools, error.message, error) : error);
  }
}

/** Reads the body no further than its reader has come. */
async function readStream(call: Call, response: Response, tools: HttpTools): Promise<void> {
  let ahead = 0;
  let wake = (): void => {};
  call.grant = (items) => {
    ahead -= items;
    wake();
  };
  const reader = response.body?.getReader();
  let rest = new Uint8Array(0);
  // PROTOCOL §8: the messages are those of a connection, of a call whose id is 0.
  const item = (value: unknown, bytes: number): void => {
    ahead++;
    call.item(value, bytes);
  };
  const link = { flights: [{ ...call, item }], freeIds: [0], load: [0, 0, 0] } as unknown as Link;
  while (!call.settled) {
    const chunk = (await reader?.read())?.value;
    // PROTOCOL §8: a body that ends in none of the named ways was cut.
    if (chunk === undefined) return call.fail(lost(tools, "the stream was cut"));
    const bytes = new Uint8Array(rest.length + chunk.length);
    bytes.set(rest);
    bytes.set(chunk, rest.length);
    const end = tools.readMessages(bytes, {
      minId: 0,
      take: (message, valueBytes) => tools.receive(link, message, valueBytes),
      refuse: (_, error) => call.fail(error),
    });
    rest = bytes.subarray(end);
    while (ahead > 0 && !call.settled)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  }
}

/** The body as its content type says; a route that answers files or pages gives bytes or text. */
async function bodyOf(response: Response, { decode }: HttpTools): Promise<unknown> {
  const type = response.headers.get("content-type") ?? "";
  if (/^application\/(\w+\+)?json/.test(type)) return response.json();
  if (/^text/.test(type)) return response.text();
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (type.startsWith(MSGPACK)) return decode(bytes);
  return bytes.length ? bytes : null;
}

/** PROTOCOL §8's one shape, or the nearest thing for an answer from a gateway that knows nothing of it. */
async function errorOf(response: Response, tools: HttpTools): Promise<RpcError> {
  const { status, statusText } = response;
  const body = await bodyOf(response, tools).catch(() => undefined);
  const { code = `HTTP_${status}`, detail = body ?? statusText, data, id } = Object(body);
  return new tools.RpcError(`${code}`, { status, detail, data, id });
}

function lost({ RpcError }: HttpTools, detail: string, cause?: unknown): RpcError {
  return new RpcError("CONNECTION_LOST", { status: 503, detail, maybeExecuted: true, cause });
}
