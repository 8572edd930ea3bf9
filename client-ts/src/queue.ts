interface Waiter<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

/** Items pushed on one side and pulled on the other, in order; `next()` may be called ahead and in parallel. */
export interface AsyncQueue<T> extends AsyncIterableIterator<T, undefined> {
  /** How many items wait for the reader. */
  readonly size: number;
  /** @param bytes what `taken` is told when the reader takes the item */
  push(value: T, bytes?: number): void;
  /** No more items; those that wait are still delivered. */
  end(): void;
  /**
   * No more items: one `next()`, behind those that wait, throws.
   *
   * @param atOnce drops what waits: the reader asked for that
   */
  fail(error: unknown, atOnce?: boolean): void;
  next(): Promise<IteratorResult<T, undefined>>;
  return(): Promise<IteratorResult<T, undefined>>;
}

/**
 * @param left the reader has left before the end
 * @param taken the reader has taken an item
 */
export function createQueue<T>(left: () => void, taken?: (bytes: number) => void): AsyncQueue<T> {
  let items: [value: T, bytes: number][] = [];
  const waiters: Waiter<T>[] = [];
  let ended = false;
  /** An error that no `next()` has thrown yet. In a box, since the error may be undefined. */
  let failure: { readonly error: unknown } | undefined;
  const over: IteratorResult<T, undefined> = { done: true, value: undefined };

  const queue: AsyncQueue<T> = {
    get size() {
      return items.length;
    },
    push(value, bytes = 0) {
      if (ended) return;
      const waiter = waiters.shift();
      if (waiter === undefined) items.push([value, bytes]);
      else {
        waiter.resolve({ done: false, value });
        taken?.(bytes);
      }
    },
    end() {
      ended = true;
      for (const waiter of waiters.splice(0)) waiter.resolve(over);
    },
    fail(error, atOnce) {
      if (ended) return;
      if (atOnce) items = [];
      const first = waiters.shift();
      if (first === undefined) failure = { error };
      else first.reject(error);
      queue.end();
    },
    next() {
      const item = items.shift();
      if (item !== undefined) {
        taken?.(item[1]);
        return Promise.resolve({ done: false, value: item[0] });
      }
      if (failure !== undefined) {
        const { error } = failure;
        failure = undefined;
        return Promise.reject(error);
      }
      if (ended) return Promise.resolve(over);
      return new Promise((resolve, reject) => waiters.push({ resolve, reject }));
    },
    return() {
      const early = !ended;
      items = [];
      failure = undefined;
      queue.end();
      if (early) left();
      return Promise.resolve(over);
    },
    [Symbol.asyncIterator]: () => queue,
  };
  return queue;
}
