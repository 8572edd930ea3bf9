import type { Grant, Window } from "../ports.js";

/** What becomes of the items of an upload. */
export interface Target {
  /** @returns the item's encoded size in bytes @throws for what cannot be sent */
  item(value: unknown): number;
  end(): void;
  /** The source, or one of its items, has failed. */
  fail(error: unknown): void;
}

/** A stream on its way to the server (PROTOCOL §4). */
export interface Upload {
  /** The call has been sent: pulls from the source, never further than the credit reaches. */
  start(window: Window): void;
  readonly refill: Grant;
  /** Asks the source for nothing more, and lets it clean up. Does nothing after its end. */
  stop(): void;
}

/**
 * @param source an iterable, an async iterable or a ReadableStream
 * @param onError hears of a source that fails when it is stopped
 * @throws TypeError for what is no source
 */
export function openUpload(source: unknown, target: Target, onError: (error: unknown) => void): Upload {
  const { next, stop, isSync } = openSource(source);
  let stopped = false;
  let items = 0;
  let bytes = 0;
  let window: Window = { stream_items: 0, stream_bytes: 0 };
  let wake = (): void => {};

  const pump = async (): Promise<void> => {
    try {
      while (!stopped) {
        if (items <= 0 || bytes <= 0) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        let step: unknown;
        try {
          // Items that are there already leave together, in one frame.
          step = isSync ? next() : await next();
        } catch (error) {
          stopped = true;
          throw error;
        }
        const { done, value } = step as IteratorResult<unknown>;
        if (stopped) return;
        if (done) {
          stopped = true;
          target.end();
        } else {
          items--;
          bytes -= target.item(value);
        }
      }
    } catch (error) {
      target.fail(error);
    }
  };
  const refill = (moreItems: number, moreBytes: number): void => {
    // PROTOCOL §4: what would raise one above its window is not kept.
    items = Math.min(items + moreItems, window.stream_items);
    bytes = Math.min(bytes + moreBytes, window.stream_bytes);
    wake();
  };
  return {
    start(of) {
      window = of;
      refill(of.stream_items, of.stream_bytes);
      void pump();
    },
    refill,
    stop() {
      if (stopped) return;
      stopped = true;
      wake();
      // A promise around it holds what it throws at once, too.
      new Promise((resolve) => resolve(stop())).catch(onError);
    },
  };
}

interface Source {
  next(): unknown;
  stop(): unknown;
  readonly isSync: boolean;
}

function openSource(source: unknown): Source {
  const { getReader, [Symbol.asyncIterator]: inTime, [Symbol.iterator]: now } = Object(source);
  // Before its iterator, which not every browser has, and whose `return` waits for a read that is under way.
  if (getReader) {
    const reader = getReader.call(source);
    return { next: () => reader.read(), stop: () => reader.cancel(), isSync: false };
  }
  const iterator = (inTime ?? now)?.call(source);
  if (!iterator) throw new TypeError("an upload is an iterable or a ReadableStream");
  return { next: () => iterator.next(), stop: () => iterator.return?.(), isSync: !inTime };
}
