import { byName } from "../arguments.js";
import type { UploadPart, Window } from "../ports.js";
import { out, type Sheet, writeByte, writeInteger, writeNamed } from "../wire/codec.js";
import { END, elementsOf, ITEM } from "../wire/messages.js";

/** A stream on its way to the server (PROTOCOL §4): from an iterable, an async iterable, a ReadableStream or a Blob. */
export const uploads: UploadPart = (call, write) => {
  const { args, upload = "" } = call.procedure;
  const given = new Map(byName(args, call.values)).get(upload) ?? [];
  const source = given instanceof Blob ? given.stream() : given;
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

  function send(value: unknown): void {
    write(() => {
      writeByte(ITEM);
      writeInteger(call.id);
      const { at } = out as Sheet;
      writeNamed(value, upload);
      bytes -= (out as Sheet).at - at;
      return 3;
    });
  }

  /** Pulls from the source, never further than the credit reaches. */
  async function pump(): Promise<void> {
    try {
      while (!stopped) {
        if (items > 0 && bytes > 0) {
          const step = reader ? reader.read() : iterator.next();
          // Items that are there already leave together, in one frame.
          const { done, value } = reader || iterate ? await step : step;
          if (stopped) return;
          stopped = done;
          if (done) return write(elementsOf(END, call.id));
          items--;
          send(value);
        } else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } catch (error) {
      call.cancel(error);
    }
  }

  call.begin = (window) => {
    most = window;
    call.refill?.(window.stream_items, window.stream_bytes);
    void pump();
  };
  call.refill = (moreItems, moreBytes) => {
    // PROTOCOL §4: what would raise one above its window is not kept.
    items = Math.min(items + moreItems, most.stream_items);
    bytes = Math.min(bytes + moreBytes, most.stream_bytes);
    wake?.();
  };
  call.stop = async () => {
    if (stopped) return;
    stopped = true;
    wake?.();
    try {
      await (reader ? reader.cancel() : iterator.return?.());
    } catch {
      // The call has its answer, which a source that fails now cannot change.
    }
  };
};
