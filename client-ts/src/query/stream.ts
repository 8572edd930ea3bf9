import type { DataTag, QueryClient } from "@tanstack/query-core";
import type { Stream } from "../stream.js";
import { queryKey } from "./keys.js";
import { type Given, type Method, withSignal } from "./origin.js";

/** For `useQuery`, `createQuery` … The data are the items so far. */
export interface StreamQueryOptions<T> {
  readonly queryKey: DataTag<readonly unknown[], T[], Error>;
  readonly queryFn: (context: {
    readonly client: Pick<QueryClient, "setQueryData">;
    readonly queryKey: readonly unknown[];
    readonly signal: AbortSignal;
  }) => Promise<T[]>;
}

/**
 * A query that reads a stream. It has data from the first item on and is `fetching` until the last; when it is fetched
 * again, the data start from nothing. Cancelling it cancels the call in Python.
 *
 * @param method a streaming procedure of the client, for instance `client.chat`
 */
export function streamQueryOptions<Args extends readonly unknown[], T>(
  method: Method<Args, Stream<T, string>>,
  ...given: Given<NoInfer<Args>>
): StreamQueryOptions<T>;
export function streamQueryOptions<Args extends readonly unknown[], T>(
  method: Method<Args, Stream<T, string>>,
  args: Args = [] as unknown as Args,
): StreamQueryOptions<T> {
  return {
    queryKey: queryKey(method, args) as StreamQueryOptions<T>["queryKey"],
    async queryFn({ client, queryKey, signal }) {
      let items: T[] = [];
      for await (const item of withSignal(method, signal)(...args)) {
        items = [...items, item];
        client.setQueryData(queryKey, items);
      }
      return items;
    },
  };
}
