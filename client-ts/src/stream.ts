import type { CallSink, RunningCall } from "./ports.js";
import { AsyncQueue } from "./queue.js";

/**
 * The items of a streaming call. Read it with `for await`, or with `next()`; it has one reader. Leaving the loop,
 * `return()` and `close()` cancel the call in Python. Every error is thrown by `next()`.
 */
export interface StreamReader<T> extends AsyncIterable<T> {
  /** The next item; several calls may be under way and are answered in order. */
  next(): Promise<IteratorResult<T, undefined>>;
  /** Ends the stream and cancels the call. */
  return(): Promise<IteratorResult<T, undefined>>;
  /** The same without a promise. */
  close(): void;
  /** @throws TypeError the second time: the items are not kept */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined>;
}

/**
 * What a streaming call returns. The call has left already. It can be iterated as it is; awaiting it, or returning it
 * from an async function, gives the same stream at once and never throws.
 */
export interface Stream<T> extends StreamReader<T>, PromiseLike<StreamReader<T>> {}

interface Entry<T> {
  readonly value: T;
  readonly bytes: number;
}

/** The reader's side and the call's side of a stream. Not a thenable, so that it can be awaited for. */
export class StreamCore<T> implements StreamReader<T>, CallSink {
  private readonly queue = new AsyncQueue<Entry<T>>({
    taken: (item) => this.taken(item),
    left: () => this.left(),
  });
  private window = { items: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };
  private read = { items: 0, bytes: 0 };
  private call: RunningCall | undefined;
  private iterated = false;
  private settled = false;

  /** Connects the two sides; the stream may have failed before. */
  attach(call: RunningCall): void {
    this.call = call;
  }

  sent(window: { readonly items: number; readonly bytes: number }): void {
    this.window = window;
  }

  item(value: unknown, bytes: number): void {
    this.queue.push({ value: value as T, bytes });
  }

  done(): void {
    this.settled = true;
    this.queue.end();
  }

  fail(error: unknown, atOnce = false): void {
    this.settled = true;
    if (atOnce) this.queue.abort(error);
    else this.queue.fail(error);
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    const result = await this.queue.next();
    return result.done === true ? result : { done: false, value: result.value.value };
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    await this.queue.return();
    return { done: true, value: undefined };
  }

  close(): void {
    void this.queue.return();
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    if (this.iterated) throw new TypeError("a stream can be read once, and this one has a reader already");
    this.iterated = true;
    const iterator: AsyncIterableIterator<T, undefined> = {
      next: () => this.next(),
      return: () => this.return(),
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** PROTOCOL §4: what was read is granted again, at the latest when half of either window has been taken. */
  private taken({ bytes }: Entry<T>): void {
    this.read = { items: this.read.items + 1, bytes: this.read.bytes + bytes };
    if (this.settled || (this.read.items * 2 < this.window.items && this.read.bytes * 2 < this.window.bytes))
      return;
    const granted = this.read;
    this.read = { items: 0, bytes: 0 };
    this.call?.credit(granted.items, granted.bytes);
  }

  private left(): void {
    this.settled = true;
    this.call?.cancel(undefined);
  }
}

/**
 * The awaitable face of a stream. It must be another object than the one that it resolves with: a thenable that
 * resolves with itself is awaited again, for ever.
 */
export class AwaitableStream<T> implements Stream<T> {
  constructor(private readonly core: StreamReader<T>) {}

  // biome-ignore lint/suspicious/noThenProperty: a stream may be awaited, so that `await client.chat()` is not a trap
  then<A = StreamReader<T>, B = never>(
    resolved?: ((stream: StreamReader<T>) => A | PromiseLike<A>) | null,
    rejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return Promise.resolve(this.core).then(resolved, rejected);
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return this.core.next();
  }

  return(): Promise<IteratorResult<T, undefined>> {
    return this.core.return();
  }

  close(): void {
    this.core.close();
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    return this.core[Symbol.asyncIterator]();
  }
}
