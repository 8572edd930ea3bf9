import type { DataTag, SkipToken } from "@tanstack/query-core";
import { queryKey } from "./keys.js";
import { type Given, type Method, withSignal } from "./origin.js";

/** For `useQuery`, `createQuery`, `prefetchQuery`, `fetchQuery` … */
export interface QueryOptions<Result, Skip = never> {
  /** Knows the type of the data: `queryClient.getQueryData(options.queryKey)` is a `Result`. */
  readonly queryKey: DataTag<readonly unknown[], Result, Error>;
  readonly queryFn: ((context: { readonly signal: AbortSignal }) => Promise<Result>) | Skip;
}

/**
 * A query that calls a procedure. A query that is cancelled, for instance because the last component that used it was
 * unmounted, is cancelled in Python. Without arguments yet: `skipToken`.
 *
 * @param method a procedure of the client, for instance `client.team`
 */
export function queryOptions<Args extends readonly unknown[], Result>(
  method: Method<Args, Promise<Result>>,
  ...given: Given<NoInfer<Args>>
): QueryOptions<Result>;
export function queryOptions<Args extends readonly unknown[], Result>(
  method: Method<Args, Promise<Result>>,
  ...given: Given<NoInfer<Args>, SkipToken>
): QueryOptions<Result, SkipToken>;
export function queryOptions<Args extends readonly unknown[], Result>(
  method: Method<Args, Promise<Result>>,
  args: Args | SkipToken = [] as unknown as Args,
): QueryOptions<Result, SkipToken> {
  const isSkipped = typeof args === "symbol";
  return {
    queryKey: queryKey(method, isSkipped ? undefined : args) as QueryOptions<Result>["queryKey"],
    queryFn: isSkipped ? args : ({ signal }) => withSignal(method, signal)(...args),
  };
}
