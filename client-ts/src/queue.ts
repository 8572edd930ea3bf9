/** What a queue tells its producer. */
export interface QueueListener<T> {
  /** The reader has taken this item. */
  taken?(item: T): void;
  /** The reader has left before the end. */
  left(): void;
}

interface Waiter<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

/** Items pushed on one side and pulled on the other, in order; `next()` may be called ahead and in parallel. */
export class AsyncQueue<T> {
  private items: T[] = [];
  private waiters: Waiter<T>[] = [];
  private ended = false;
  /** An error that no `next()` has thrown yet. In a box, since the error may be undefined. */
  private failure: { readonly error: unknown } | undefined;

  constructor(private readonly listener: QueueListener<T>) {}

  /** How many items wait for the reader. */
  get size(): number {
    return this.items.length;
  }

  push(item: T): void {
    if (this.ended) return;
    const waiter = this.waiters.shift();
    if (waiter === undefined) {
      this.items.push(item);
      return;
    }
    waiter.resolve({ done: false, value: item });
    this.listener.taken?.(item);
  }

  /** No more items; those that wait are still delivered. */
  end(): void {
    this.ended = true;
    for (const waiter of this.waiters.splice(0)) waiter.resolve({ done: true, value: undefined });
  }

  /** No more items: one `next()`, behind those that wait, throws. */
  fail(error: unknown): void {
    if (this.ended) return;
    const first = this.waiters.shift();
    if (first === undefined) this.failure = { error };
    else first.reject(error);
    this.end();
  }

  /** Fails at once, dropping what waits: the reader asked for that. */
  abort(error: unknown): void {
    if (this.ended) return;
    this.items = [];
    this.fail(error);
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.items.length > 0) {
      const item = this.items.shift() as T;
      this.listener.taken?.(item);
      return Promise.resolve({ done: false, value: item });
    }
    const { failure } = this;
    if (failure !== undefined) {
      this.failure = undefined;
      return Promise.reject(failure.error);
    }
    if (this.ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.waiters.push({ resolve, reject }));
  }

  /** The reader leaves. */
  return(): Promise<IteratorResult<T, undefined>> {
    const early = !this.ended;
    this.items = [];
    this.failure = undefined;
    this.end();
    if (early) this.listener.left();
    return Promise.resolve({ done: true, value: undefined });
  }
}
