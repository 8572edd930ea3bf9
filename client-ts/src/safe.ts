import { failure, RpcError } from "./errors.js";
import type { Outcome, Safe } from "./failures.js";

/** What the generated `safe` is: one for every app, typed by it. */
// biome-ignore lint/suspicious/noExplicitAny: what it is depends on the app, and only in types
export const safely: Safe<any> = (source: AsyncIterable<unknown> | PromiseLike<unknown>): any =>
  Symbol.asyncIterator in source ? outcomes(source) : outcome(source);

async function outcome(call: PromiseLike<unknown>): Promise<Outcome<unknown>> {
  try {
    return { data: await call, error: undefined };
  } catch (thrown) {
    return { data: undefined, error: failureOf(thrown) };
  }
}

/** Not a generator: its `return()` would wait for an item that is under way. */
function outcomes(stream: AsyncIterable<unknown>): AsyncIterableIterator<Outcome<unknown>, undefined> {
  let items: AsyncIterator<unknown> | undefined;
  let ended = false;
  const reader: AsyncIterableIterator<Outcome<unknown>, undefined> = {
    async next() {
      if (ended) return { done: true, value: undefined };
      try {
        items ??= stream[Symbol.asyncIterator]();
        const { done, value } = await items.next();
        if (!done) return { value: { data: value, error: undefined } };
        ended = true;
        return { done, value: undefined };
      } catch (thrown) {
        ended = true;
        return { value: { data: undefined, error: failureOf(thrown) } };
      }
    },
    async return() {
      ended = true;
      await (items ?? stream[Symbol.asyncIterator]()).return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => reader,
  };
  return reader;
}

/** What was thrown, as an error with a code. */
function failureOf(thrown: unknown): RpcError {
  if (thrown instanceof RpcError) return thrown;
  const { name, message = String(thrown) } = Object(thrown);
  return name === "AbortError"
    ? failure("CANCELLED", 499, message, false, thrown)
    : failure("CLIENT_ERROR", 500, message, false, thrown);
}
