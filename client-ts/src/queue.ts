/** Items pushed on one side and pulled on the other, in order; `next()` may be called ahead and in parallel. */
export interface AsyncQueue<T> {
  /** How many items wait for the reader. */
  size(): number;
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
  /** The reader's side. */
  readonly reader: AsyncIterableIterator<T, undefined> & {
    next(): Promise<IteratorResult<T, undefined>>;
    return(): Promise<IteratorResult<T, undefined>>;
  };
}

/**
 * @param left the reader has left before the end
 * @param taken the reader has taken an item
 */
export function createQueue<T>(left: () => void, taken?: (bytes: number) => void): AsyncQueue<T> {
  /** What waits for the reader; less than no bytes has an error, which is thrown. */
  let items: [value: unknown, bytes: number][] = [];
  let ended = false;
  let wake = (): void => {};

  async function* read(): AsyncGenerator<T, undefined, undefined> {
    for (;;) {
      const item = items.shift();
      if (item) {
        if (item[1] < 0) throw item[0];
        taken?.(item[1]);
        yield item[0] as T;
      } else if (ended) return;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  }

  const generator = read();
  const end = (): void => {
    ended = true;
    wake();
  };
  const reader: AsyncQueue<T>["reader"] = {
    next: () => generator.next(),
    return() {
      items = [];
      if (!ended) {
        end();
        left();
      }
      return generator.return(undefined);
    },
    [Symbol.asyncIterator]: () => reader,
  };
  return {
    size: () => items.length,
    push(value, bytes = 0) {
      if (ended) return;
      items.push([value, bytes]);
      wake();
    },
    end,
    fail(error, atOnce) {
      if (ended) return;
      if (atOnce) items = [];
      items.push([error, -1]);
      end();
    },
    reader,
  };
}
