import { RpcError } from "./errors.js";
import { AsyncQueue } from "./queue.js";

/** How many events wait for the reader of `events()`; one more ends it with `EVENTS_OVERFLOW`. */
export const MAX_BUFFERED_EVENTS = 1_024;

type Handler = (value: unknown) => void;

/** The event listeners of one client. */
export class Listeners {
  private readonly handlers = new Map<string, Set<Handler>>();
  /** Those who wait for something that may never come now: `once()` promises and `events()` readers. */
  private readonly waiting = new Set<(error: unknown) => void>();

  constructor(private readonly onError: (error: unknown) => void) {}

  on(name: string, handler: Handler): () => void {
    const handlers = this.handlers.get(name) ?? new Set();
    this.handlers.set(name, handlers.add(handler));
    return () => this.off(name, handler);
  }

  off(name: string, handler: Handler): void {
    const handlers = this.handlers.get(name);
    handlers?.delete(handler);
    if (handlers?.size === 0) this.handlers.delete(name);
  }

  once(name: string, signal: AbortSignal | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        off();
        this.waiting.delete(fail);
        signal?.removeEventListener("abort", aborted);
        settle();
      };
      const fail = (error: unknown): void => finish(() => reject(error));
      const aborted = (): void => fail(signal?.reason);
      const off = this.on(name, (value) => finish(() => resolve(value)));
      this.waiting.add(fail);
      signal?.addEventListener("abort", aborted);
      if (signal?.aborted) aborted();
    });
  }

  events(name: string, signal: AbortSignal | undefined): AsyncIterableIterator<unknown, undefined> {
    const leave = (): void => {
      off();
      this.waiting.delete(fail);
      signal?.removeEventListener("abort", aborted);
    };
    const queue = new AsyncQueue<unknown>({ left: leave });
    const fail = (error: unknown): void => {
      leave();
      queue.fail(error);
    };
    const aborted = (): void => {
      leave();
      queue.abort(signal?.reason);
    };
    const off = this.on(name, (value) => {
      if (queue.size < MAX_BUFFERED_EVENTS) return queue.push(value);
      const detail = `${MAX_BUFFERED_EVENTS} ${name} events wait for their reader`;
      fail(new RpcError("EVENTS_OVERFLOW", { status: 429, detail }));
    });
    this.waiting.add(fail);
    signal?.addEventListener("abort", aborted);
    if (signal?.aborted) aborted();
    const iterator: AsyncIterableIterator<unknown, undefined> = {
      next: () => queue.next(),
      return: () => queue.return(),
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** Calls every handler; one that throws disturbs neither the others nor the connection. */
  emit(name: string, value: unknown): void {
    for (const handler of [...(this.handlers.get(name) ?? [])]) {
      try {
        handler(value);
      } catch (error) {
        this.onError(error);
      }
    }
  }

  /** No more events will come: ends what waits for one. Handlers stay, for a connection that is restarted. */
  fail(error: unknown): void {
    for (const fail of [...this.waiting]) fail(error);
  }
}
