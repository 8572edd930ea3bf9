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
 * @throws TypeError for what is no source
 */
export function openUpload(source: unknown, target: Target): Upload {
  const { getReader, [Symbol.asyncIterator]: iterate, [Symbol.iterator]: iterateNow } = Object(source);
  // Before its iterator, which not every browser has, and whose `return` waits for a read that is under way.
  const reader = getReader?.call(source);
  const iterator = reader ?? (iterate ?? iterateNow)?.call(source);
  if (!iterator) throw new TypeError("an upload is an iterable or a ReadableStream");
  let stopped = false;
  let items = 0;
  let bytes = 0;
  let most: Window;
  let wake: (() => void) | undefined;

  async function pump(): Promise<void> {
    try {
      while (!stopped) {
        if (items > 0 && bytes > 0) {
          const step = reader ? reader.read() : iterator.next();
          // Items that are there already leave together, in one frame.
          const { done, value } = reader || iterate ? await step : step;
          if (stopped) return;
          stopped = done;
          if (done) return target.end();
          items--;
          bytes -= target.item(value);
        } else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } catch (error) {
      target.fail(error);
    }
  }

  function refill(moreItems: number, moreBytes: number): void {
    // PROTOCOL §4: what would raise one above its window is not kept.
    items = Math.min(items + moreItems, most.stream_items);
    bytes = Math.min(bytes + moreBytes, most.stream_bytes);
    wake?.();
  }

  return {
    start(window) {
      most = window;
      refill(window.stream_items, window.stream_bytes);
      void pump();
    },
    refill,
    async stop() {
      if (stopped) return;
      stopped = true;
      wake?.();
      try {
        await (reader ? reader.cancel() : iterator.return?.());
      } catch {
        // The call has its answer, which a source that fails now cannot change.
      }
    },
  };
}
