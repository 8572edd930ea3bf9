import { type InfiniteData, QueryClient, skipToken } from "@tanstack/query-core";
import { useInfiniteQuery, useMutation, useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { createInfiniteQuery, createMutation, createQuery } from "@tanstack/svelte-query";
import { expectTypeOf, it } from "vitest";
import type { Call, FuseClient, Status, Stream } from "../src/index.js";
import {
  infiniteQueryOptions,
  mutationOptions,
  queryKey,
  queryOptions,
  streamQueryOptions,
} from "../src/query/index.js";
import * as react from "../src/react/index.js";
import { fetchAs } from "../src/ssr/index.js";
import * as svelte from "../src/svelte/index.js";

interface Team {
  id: number;
}
interface Procedures {
  team(id: number, deep?: boolean): Call<Team, "GONE">;
  teams: {
    list(after?: number | null): Promise<{ rows: Team[]; next: number | null }>;
    rename(id: number, name: string): Promise<null>;
    clear(): Promise<null>;
  };
  chat(prompt: string, options?: { words?: number }): Stream<string, "BUSY">;
}
interface Events {
  JobStatus: { progress: number };
  Tick: number;
}
/** As in the generated file. */
type Client = FuseClient<Procedures, Events>;
declare const client: Client;

const queries = new QueryClient();

it("a query has the procedure's arguments and result", () => {
  const options = queryOptions(client.team, [1]);
  expectTypeOf(useQuery(options).data).toEqualTypeOf<Team | undefined>();
  expectTypeOf(useSuspenseQuery(options).data).toEqualTypeOf<Team>();
  expectTypeOf(createQuery(() => options).data).toEqualTypeOf<Team | undefined>();
  expectTypeOf(useQuery({ ...options, select: (team) => team.id }).data).toEqualTypeOf<number | undefined>();
  expectTypeOf(queries.getQueryData(options.queryKey)).toEqualTypeOf<Team | undefined>();
  expectTypeOf(queries.fetchQuery(options)).toEqualTypeOf<Promise<Team>>();
  queryOptions(client.team, [1, true]);
  queryOptions(client.teams.list);
  queryOptions(client.with({ timeout: 1 }).teams.list, []);
  // @ts-expect-error it has a required argument
  queryOptions(client.team);
  // @ts-expect-error a wrong argument
  queryOptions(client.team, ["1"]);
  // @ts-expect-error too many arguments
  queryOptions(client.team, [1, true, 2]);
  // @ts-expect-error a stream has no one answer
  queryOptions(client.chat, ["hi"]);
});

it("a query can wait for its arguments", () => {
  const id: number | undefined = undefined;
  const options = queryOptions(client.team, id === undefined ? skipToken : [id]);
  expectTypeOf(useQuery(options).data).toEqualTypeOf<Team | undefined>();
  expectTypeOf(createQuery(() => options).data).toEqualTypeOf<Team | undefined>();
  // @ts-expect-error what is suspended cannot be skipped
  useSuspenseQuery(options);
});

it("a query in pages", () => {
  const options = infiniteQueryOptions(client.teams.list, (after: number | null) => [after], {
    initialPageParam: null,
    getNextPageParam: (last) => last.next,
  });
  type Pages = InfiniteData<{ rows: Team[]; next: number | null }>;
  expectTypeOf(useInfiniteQuery(options).data).toEqualTypeOf<Pages | undefined>();
  expectTypeOf(createInfiniteQuery(() => options).data).toEqualTypeOf<Pages | undefined>();
});

it("a query that streams", () => {
  const options = streamQueryOptions(client.chat, ["hi", { words: 2 }]);
  expectTypeOf(useQuery(options).data).toEqualTypeOf<string[] | undefined>();
  expectTypeOf(createQuery(() => options).data).toEqualTypeOf<string[] | undefined>();
  // @ts-expect-error not a stream
  streamQueryOptions(client.team, [1]);
});

it("a mutation takes the arguments as an array", () => {
  const rename = useMutation(mutationOptions(client.teams.rename));
  rename.mutate([1, "x"]);
  expectTypeOf(rename.data).toEqualTypeOf<null | undefined>();
  // @ts-expect-error an argument is missing
  rename.mutate([1]);
  useMutation(mutationOptions(client.teams.clear)).mutate();
  createMutation(() => mutationOptions(client.teams.rename)).mutate([1, "x"]);
  createMutation(() => mutationOptions(client.teams.clear)).mutate();
});

it("keys are of procedures, of leading arguments, of namespaces", () => {
  queryKey(client.team);
  queryKey(client.team, [1]);
  queryKey(client.teams.rename, [1]);
  queryKey(client.chat, []);
  queryKey(client.teams);
  queryKey(client);
  // @ts-expect-error a wrong argument
  queryKey(client.team, ["x"]);
});

it("status and events are typed by the client", () => {
  expectTypeOf(react.useStatus(client)).toEqualTypeOf<Status>();
  expectTypeOf(svelte.useStatus(client)).toEqualTypeOf<Status>();
  for (const { useEvents } of [react, svelte]) {
    expectTypeOf(useEvents(client, "JobStatus").items).toEqualTypeOf<readonly { progress: number }[]>();
    expectTypeOf(useEvents(client, "Tick", { limit: 1 }).latest).toEqualTypeOf<number | undefined>();
    // @ts-expect-error a misspelt event
    useEvents(client, "JobStatsu");
  }
  react.useEvent(client, "Tick", (tick) => expectTypeOf(tick).toEqualTypeOf<number>());
  // @ts-expect-error a wrong payload
  react.useEvent(client, "Tick", (tick: string) => tick);
});

it("streams are typed by the method", () => {
  for (const { useStream } of [react, svelte]) {
    const chat = useStream(client.chat);
    expectTypeOf(chat.items).toEqualTypeOf<readonly string[]>();
    chat.start("hi", { words: 3 });
    // @ts-expect-error a wrong argument
    chat.start(1);
    useStream(client.chat, ["hi"], { limit: 5 });
    useStream(client.chat, null);
    // @ts-expect-error a wrong argument
    useStream(client.chat, [1]);
    // @ts-expect-error not a stream
    useStream(client.team, [1]);
  }
});

it("a fetch for one request", () => {
  expectTypeOf(fetchAs(new Request("http://x"))).toEqualTypeOf<typeof globalThis.fetch>();
  fetchAs({ headers: new Headers() }, { clientIp: "192.0.2.1" });
});
