import type { DataTag, InfiniteData } from "@tanstack/query-core";
import { queryKey } from "./keys.js";
import { type Method, withSignal } from "./origin.js";

/** What a list in pages needs to know besides the procedure. */
export interface Pages<Result, Page> {
  readonly initialPageParam: Page;
  /** The next page's parameter; undefined or null when there is none. */
  readonly getNextPageParam: (
    lastPage: Result,
    allPages: Result[],
    lastPageParam: Page,
    allPageParams: Page[],
  ) => Page | undefined | null;
}

/** For `useInfiniteQuery`, `createInfiniteQuery` … */
export interface InfiniteOptions<Result, Page> extends Pages<Result, Page> {
  readonly queryKey: DataTag<readonly unknown[], InfiniteData<Result, Page>, Error>;
  readonly queryFn: (context: { readonly signal: AbortSignal; readonly pageParam: Page }) => Promise<Result>;
}

/**
 * A query that calls a procedure for one page after the other.
 *
 * @param method a procedure of the client
 * @param argsOf the arguments for a page
 */
export function infiniteQueryOptions<Args extends readonly unknown[] | [], Result, Page>(
  method: Method<Args, Promise<Result>>,
  argsOf: (page: Page) => NoInfer<Args>,
  pages: Pages<NoInfer<Result>, NoInfer<Page>>,
): InfiniteOptions<Result, Page> {
  // Data in pages has another shape, so it cannot have the key of a single answer.
  const key = [...queryKey(method, argsOf(pages.initialPageParam)), "pages"];
  return {
    ...pages,
    queryKey: key as unknown as InfiniteOptions<Result, Page>["queryKey"],
    queryFn: ({ signal, pageParam }) => withSignal(method, signal)(...argsOf(pageParam)),
  };
}
