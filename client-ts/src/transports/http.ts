import { connectionLost, RpcError, toRpcError } from "../errors.js";
import type { Call, Credentials, Transport } from "../ports.js";
import { decode } from "../wire/codec.js";
import { readMessages } from "../wire/frame.js";
import { END, ERROR, type ErrorMessage, ITEM } from "../wire/messages.js";
import { toHttpCall } from "./body.js";

const MSGPACK = "application/msgpack";
/** How far a stream's body is read ahead of its reader. */
const READ_AHEAD = { stream_items: 64, stream_bytes: 262_144 };

export interface HttpOptions {
  /** What the routes are below, without a slash at the end: an absolute URL, or a path on the page's own origin. */
  readonly base: string;
  readonly fetch: typeof globalThis.fetch;
  /** Cookies go along for the page's own origin; for another one they must be asked for. */
  readonly credentials: "same-origin" | "include";
  readonly auth: () => Promise<Credentials | null> | Credentials | null;
}

/** Calls with `fetch`: for procedures without a WebSocket form, and where there is no WebSocket. */
export function createHttp({ base, fetch, credentials, auth }: HttpOptions): Transport {
  async function perform(call: Call, request: ReturnType<typeof toHttpCall>): Promise<void> {
    const { method, path, body } = request;
    const controller = new AbortController();
    const { signal } = controller;
    call.stop = () => controller.abort();
    try {
      const token = (await auth())?.token;
      if (call.settled) return;
      const headers: Record<string, string> = { accept: MSGPACK };
      if (body instanceof Uint8Array) headers["content-type"] = MSGPACK;
      if (typeof token === "string") headers.authorization = `Bearer ${token}`;
      call.window = READ_AHEAD;
      const response = await fetch(base + path, { method, headers, credentials, signal, body: body ?? null });
      if (!response.ok) call.fail(await errorOf(response));
      else if (call.lane === 1) await readStream(call, response, signal);
      else call.done(await bodyOf(response));
    } catch (error) {
      // A TypeError is how `fetch` reports a network that failed, before the answer or in its middle.
      const sent = call.window !== undefined && error instanceof TypeError;
      call.fail(sent ? connectionLost(error.message, true, error) : error);
    }
  }

  return {
    name: "http",
    start(call) {
      void perform(call, toHttpCall(call.request));
    },
  };
}

async function readStream(call: Call, response: Response, signal: AbortSignal): Promise<void> {
  let items = 0;
  let bytes = 0;
  let wake = (): void => {};
  call.grant = (readItems, readBytes) => {
    items -= readItems;
    bytes -= readBytes;
    wake();
  };
  signal.addEventListener("abort", () => wake());
  const reader = response.body?.getReader();
  let rest = new Uint8Array(0);
  while (!call.settled) {
    if (items >= READ_AHEAD.stream_items || bytes >= READ_AHEAD.stream_bytes) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      continue;
    }
    const chunk = (await reader?.read())?.value;
    // PROTOCOL §8: a body that ends in none of the named ways was cut.
    if (chunk === undefined) return call.fail(connectionLost("the stream was cut", true));
    const read = joined(rest, chunk);
    const end = readMessages(read, {
      minId: 0,
      take(message, valueBytes) {
        const [kind, , value] = message;
        if (kind === END) call.done(undefined);
        else if (kind === ERROR) call.fail(toRpcError(message as ErrorMessage));
        else if (kind === ITEM && !call.settled) {
          items++;
          bytes += valueBytes;
          call.item(value, valueBytes);
        }
      },
      refuse: (_, error) => call.fail(error),
    });
    rest = read.slice(end);
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}

/** The body as its content type says; a route that answers files or pages gives bytes or text. */
async function bodyOf(response: Response): Promise<unknown> {
  const type = response.headers.get("content-type") ?? "";
  if (/^application\/(\w+\+)?json/.test(type)) return response.json();
  if (type.startsWith("text/")) return response.text();
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (type.startsWith(MSGPACK)) return decode(bytes);
  return bytes.length === 0 ? null : bytes;
}

/** PROTOCOL §8's one shape, or the nearest thing for an answer from a gateway that knows nothing of it. */
async function errorOf(response: Response): Promise<RpcError> {
  const { status, statusText } = response;
  const body = await bodyOf(response).catch(() => undefined);
  const { code = `HTTP_${status}`, detail = body ?? statusText, data, id } = Object(body);
  return new RpcError(String(code), { status, detail, data, id: typeof id === "string" ? id : undefined });
}
