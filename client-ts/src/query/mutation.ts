import { queryKey } from "./keys.js";
import type { Method } from "./origin.js";

/** What `mutate` takes: the arguments as an array, or nothing where none is needed. */
// biome-ignore lint/suspicious/noConfusingVoidType: it is how TanStack Query lets `mutate()` be called without
type Variables<Args extends readonly unknown[]> = [] extends Args ? Args | void : Args;

/** For `useMutation`, `createMutation` … */
export interface MutationOptions<Args extends readonly unknown[], Result> {
  readonly mutationKey: readonly unknown[];
  readonly mutationFn: (args: Variables<Args>) => Promise<Result>;
}

/**
 * A mutation that calls a procedure: `mutate([team_id, name])`. Mutations are not cancelled.
 *
 * @param method a procedure of the client, for instance `client.teams.rename`
 */
export function mutationOptions<Args extends readonly unknown[], Result>(
  method: Method<Args, Promise<Result>>,
): MutationOptions<Args, Result> {
  return {
    mutationKey: queryKey(method),
    mutationFn: (args) => method(...((args ?? []) as Args)),
  };
}
