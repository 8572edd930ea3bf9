import type { Fails } from "./failures.js";
import type { Call, CallSink } from "./ports.js";
import { createQueue } from "./queue.js";

/**
 * The items of a streaming call. Read it with `for await`, or with `next()`; it has one reader. Leaving the loop,
 * `return()` and `close()` cancel the call in Python. Every error is thrown by `next()`.
 */
export interface StreamReader<T, Code extends string = never> extends AsyncIterable<T>, Fails<Code> {
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
 * from an async function, gives the same stream at once and never throws. `Code` are the errors that it declares.
 */
export interface Stream<T, Code extends string = never>
  extends StreamReader<T, Code>,
    PromiseLike<StreamReader<T, Code>> {}

/** Makes a stream of the call that `start` starts. */
export function openStream<T>(start: (sink: CallSink) => Call): Stream<T> {
  let call: Call;
  let iterated = false;
  let items = 0;
  let bytes = 0;

  /** PROTOCOL §4: what was read is granted again, at the latest when half of either window has been taken. */
  const taken = (size: number): void => {
    items++;
    bytes += size;
    if (call.settled || !call.link) return;
    const { stream_items, stream_bytes } = call.link.limits;
    if (items * 2 < stream_items && bytes * 2 < stream_bytes) return;
    call.grant?.(items, bytes);
    items = bytes = 0;
  };
  const queue = createQueue<T>(() => call.cancel(), taken);
  const reader: StreamReader<T> = {
    ...queue.reader,
    close: () => void reader.return(),
    [Symbol.asyncIterator]() {
      if (iterated) throw new TypeError("a stream can be read once");
      iterated = true;
      return queue.reader;
    },
  };
  call = start({ item: queue.push as CallSink["item"] & object, done: queue.end, fail: queue.fail });
  return {
    ...reader,
    // What a stream resolves with must be another object, which is no thenable: one that resolves with itself is
    // awaited again, for ever.
    // biome-ignore lint/suspicious/noThenProperty: a stream may be awaited, so that `await client.chat()` is not a trap
    then: (resolved, rejected) => Promise.resolve(reader).then(resolved, rejected),
  };
}
