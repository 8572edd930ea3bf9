import { toRpcError } from "../connection/calls.js";
import { connectionLost, RpcError } from "../errors.js";
import type { CallRequest, CallSink, Credentials, RunningCall, Transport } from "../ports.js";
import { decode } from "../wire/codec.js";
import { MessageReader } from "../wire/frame.js";
import { type HttpCall, toHttpCall } from "./body.js";

const MSGPACK = "application/msgpack";
/** How far a stream's body is read ahead of its reader. */
const READ_AHEAD = { items: 64, bytes: 262_144 };

export interface HttpOptions {
  /** What the routes are below, without a slash at the end: an absolute URL, or a path on the page's own origin. */
  readonly base: string;
  readonly fetch: typeof globalThis.fetch;
  /** Cookies go along for the page's own origin; for another one they must be asked for. */
  readonly credentials: "same-origin" | "include";
  readonly auth: () => Promise<Credentials | null> | Credentials | null;
}

/** Calls with `fetch`: for procedures without a WebSocket form, and where there is no WebSocket. */
export class HttpTransport implements Transport {
  readonly name = "http";
  private readonly running = new Map<HttpRun, object>();

  constructor(private readonly options: HttpOptions) {}

  start(request: CallRequest, sink: CallSink): RunningCall {
    const call = toHttpCall(request);
    const run = new HttpRun(sink, this.options, request.procedure.stream === true);
    this.running.set(run, request.owner);
    void run.perform(call).finally(() => this.running.delete(run));
    return run;
  }

  /** Ends every call of that owner. */
  cancelAll(owner: object, error: unknown): void {
    for (const [run, of] of this.running) if (of === owner) run.cancel(error);
  }
}

class HttpRun implements RunningCall {
  private readonly controller = new AbortController();
  private ahead = { items: 0, bytes: 0 };
  private resume: (() => void) | undefined;
  private settled = false;

  constructor(
    private readonly sink: CallSink,
    private readonly options: HttpOptions,
    private readonly stream: boolean,
  ) {}

  cancel(error: unknown): void {
    this.fail(error);
    this.controller.abort();
    this.resume?.();
  }

  credit(items: number, bytes: number): void {
    this.ahead = { items: this.ahead.items - items, bytes: this.ahead.bytes - bytes };
    this.resume?.();
  }

  async perform(call: HttpCall): Promise<void> {
    try {
      const headers = await this.headers(call);
      this.controller.signal.throwIfAborted();
      this.sink.sent(READ_AHEAD);
      await this.exchange(call, headers);
    } catch (error) {
      this.fail(error);
    }
  }

  private async headers({ body }: HttpCall): Promise<Record<string, string>> {
    const token = (await this.options.auth())?.token;
    return {
      accept: MSGPACK,
      ...(body instanceof Uint8Array && { "content-type": MSGPACK }),
      ...(typeof token === "string" && { authorization: `Bearer ${token}` }),
    };
  }

  private async exchange({ method, path, body }: HttpCall, headers: Record<string, string>): Promise<void> {
    // Called without a receiver: the browser's own fetch refuses any but the window.
    const { fetch, base, credentials } = this.options;
    const { signal } = this.controller;
    try {
      const response = await fetch(base + path, {
        method,
        headers,
        credentials,
        signal,
        ...(body && { body }),
      });
      if (!response.ok) this.fail(await errorOf(response));
      else if (this.stream) await this.readStream(response);
      else this.done(await bodyOf(response));
    } catch (error) {
      // A TypeError is how `fetch` reports a network that failed, before the answer or in its middle.
      this.fail(error instanceof TypeError ? connectionLost(error.message, true, error) : error);
    }
  }

  private async readStream(response: Response): Promise<void> {
    const messages = new MessageReader({ minId: 0 });
    const reader = response.body?.getReader();
    for (;;) {
      const chunk = await reader?.read();
      if (chunk?.value === undefined) break;
      this.deliver(messages, chunk.value);
      if (this.settled) return this.controller.abort();
      while (this.ahead.items >= READ_AHEAD.items || this.ahead.bytes >= READ_AHEAD.bytes) {
        await this.pause();
        if (this.settled) return;
      }
    }
    // PROTOCOL §8: a body that ends in none of the named ways was cut.
    this.fail(connectionLost("the stream was cut", true));
  }

  private deliver(messages: MessageReader, chunk: Uint8Array): void {
    for (const received of messages.push(chunk)) {
      if (!received.ok) this.fail(received.error);
      else if (received.message.kind === "end") this.done(undefined);
      else if (received.message.kind === "error") this.fail(toRpcError(received.message));
      else if (received.message.kind === "item" && !this.settled) {
        this.ahead = { items: this.ahead.items + 1, bytes: this.ahead.bytes + received.valueBytes };
        this.sink.item(received.message.value, received.valueBytes);
      }
    }
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => {
      this.resume = resolve;
    });
  }

  private done(value: unknown): void {
    if (this.settled) return;
    this.settled = true;
    this.sink.done(value);
  }

  private fail(error: unknown): void {
    if (this.settled) return;
    this.settled = true;
    this.sink.fail(error);
  }
}

/** The body as its content type says; a route that answers files or pages gives bytes or text. */
async function bodyOf(response: Response): Promise<unknown> {
  const type = response.headers.get("content-type") ?? "";
  if (type.startsWith(MSGPACK)) return decode(new Uint8Array(await response.arrayBuffer()));
  if (/^application\/(\w+\+)?json/.test(type)) return response.json();
  if (type.startsWith("text/")) return response.text();
  const bytes = new Uint8Array(await response.arrayBuffer());
  return bytes.length === 0 ? null : bytes;
}

/** PROTOCOL §8's one shape, or the nearest thing for an answer from a gateway that knows nothing of it. */
async function errorOf(response: Response): Promise<RpcError> {
  const { status } = response;
  const body = await bodyOf(response).catch(() => undefined);
  const { code = `HTTP_${status}`, detail = body ?? response.statusText, data, id } = record(body);
  return new RpcError(String(code), { status, detail, data, ...(typeof id === "string" && { id }) });
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
