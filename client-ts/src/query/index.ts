/**
 * `@fusewire/client/query`: procedures as options of TanStack Query, the same for React, Svelte and its other adapters.
 * Each function takes a method of the client (`client.teams.rename`), which tells arguments and result, and returns a
 * plain object; spread it to add more options. Of TanStack Query it needs the types alone.
 *
 * @module
 */
export { type InfiniteOptions, infiniteQueryOptions } from "./infinite.js";
export { queryKey } from "./keys.js";
export { type MutationOptions, mutationOptions } from "./mutation.js";
export { type QueryOptions, queryOptions } from "./query.js";
export { retry } from "./retry.js";
export { type StreamQueryOptions, streamQueryOptions } from "./stream.js";
