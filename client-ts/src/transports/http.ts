import { connectionLost, RpcError, toRpcError } from "../errors.js";
import type { Call, Credentials, Transport } from "../ports.js";
import { decode, fill, newSheet, tearOff, writeRaw } from "../wire/codec.js";
import { readMessages } from "../wire/frame.js";
import { END, ERROR, type ErrorMessage, ITEM } from "../wire/messages.js";
import { type HttpCall, toHttpCall } from "./body.js";

const MSGPACK = "application/msgpack";
/** The reader of a stream tells of each item that it takes. */
const WINDOW = { stream_items: 1, stream_bytes: 1 };

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
  async function perform(call: Call, { method, path, body }: HttpCall): Promise<void> {
    const controller = new AbortController();
    call.stop = () => controller.abort();
    try {
      const token = (await auth())?.token;
      if (call.settled) return;
      const headers: Record<string, string> = { accept: MSGPACK };
      if (body instanceof Uint8Array) headers["content-type"] = MSGPACK;
      if (typeof token === "string") headers.authorization = `Bearer ${token}`;
      call.window = WINDOW;
      const { signal } = controller;
      const response = await fetch(base + path, { method, headers, credentials, signal, body });
      if (!response.ok) call.fail(await errorOf(response));
      else if (call.lane === 1) await readStream(call, response);
      else call.done(await bodyOf(response));
    } catch (error) {
      // A TypeError is how `fetch` reports a network that failed, before the answer or in its middle.
      const isLost = call.window && error instanceof TypeError;
      call.fail(isLost ? connectionLost(error.message, true, error) : error);
    }
  }

  return {
    name: "http",
    start: (call) => void perform(call, toHttpCall(call.request)),
  };
}

/** Reads the body no further than its reader has come. */
async function readStream(call: Call, response: Response): Promise<void> {
  let ahead = 0;
  let wake = (): void => {};
  call.grant = (items) => {
    ahead -= items;
    wake();
  };
  const reader = response.body?.getReader();
  const rest = newSheet();
  while (!call.settled) {
    const chunk = (await reader?.read())?.value;
    // PROTOCOL §8: a body that ends in none of the named ways was cut.
    if (chunk === undefined) return call.fail(connectionLost("the stream was cut", true));
    fill(rest, () => writeRaw(chunk));
    const bytes = tearOff(rest);
    const end = readMessages(bytes, {
      minId: 0,
      take(message, valueBytes) {
        const [kind, , value] = message;
        if (kind === END) call.done(undefined);
        else if (kind === ERROR) call.fail(toRpcError(message as ErrorMessage));
        else if (kind === ITEM) {
          ahead++;
          call.item(value, valueBytes);
        }
      },
      refuse: (_, error) => call.fail(error),
    });
    fill(rest, () => writeRaw(bytes.subarray(end)));
    while (ahead > 0 && !call.settled)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  }
}

/** The body as its content type says; a route that answers files or pages gives bytes or text. */
async function bodyOf(response: Response): Promise<unknown> {
  const type = response.headers.get("content-type") ?? "";
  if (/^application\/(\w+\+)?json/.test(type)) return response.json();
  if (/^text/.test(type)) return response.text();
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (type.startsWith(MSGPACK)) return decode(bytes);
  return bytes.length > 0 ? bytes : null;
}

/** PROTOCOL §8's one shape, or the nearest thing for an answer from a gateway that knows nothing of it. */
async function errorOf(response: Response): Promise<RpcError> {
  const { status, statusText } = response;
  const body = await bodyOf(response).catch(() => undefined);
  const { code = `HTTP_${status}`, detail = body ?? statusText, data, id } = Object(body);
  return new RpcError(`${code}`, { status, detail, data, id });
}
