import { RpcError } from "@fusewire/client";
import {
  infiniteQueryOptions,
  mutationOptions,
  queryKey,
  queryOptions,
  retry,
  streamQueryOptions,
} from "@fusewire/client/query";
import { MutationObserver, QueryClient, QueryObserver, skipToken } from "@tanstack/query-core";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { Server } from "../interop/server.ts";
import { type Client, connect } from "./fuse.ts";

let server: Server;
let client: Client;
let queries: QueryClient;

beforeAll(async () => {
  server = await Server.start("tests.ui.main:app");
});
afterAll(() => server.stop());
beforeEach(() => {
  client = connect({ url: server.origin, WebSocket });
  queries = new QueryClient();
  return () => {
    queries.clear();
    client.close();
  };
});

const isInvalid = (key: readonly unknown[]) => queries.getQueryState(key)?.isInvalidated;

test("keys are told from the methods", () => {
  expect(queryKey(client)).toEqual(["fusewire"]);
  expect(queryKey(client.teams)).toEqual(["fusewire", "teams"]);
  expect(queryKey(client.teams.pages)).toEqual(["fusewire", "teams", "pages"]);
  expect(queryKey(client.teams.pages, [3])).toEqual(["fusewire", "teams", "pages", [3]]);
  expect(queryKey(client.with({ timeout: 5 }).teams)).toEqual(["fusewire", "teams"]);
  expect(queryOptions(client.teams.pages).queryKey).toEqual(["fusewire", "teams", "pages", []]);
  expect(() => queryKey({})).toThrow("not a part of a Fusewire client");
  expect(() => queryKey(async () => 1)).toThrow("not a part of a Fusewire client");
});

test("invalidates by arguments, by procedure, by namespace and at all", async () => {
  const one = queryOptions(client.team, [1]);
  const pages = queryOptions(client.teams.pages, [2]);
  const refresh = () => Promise.all([queries.fetchQuery(one), queries.fetchQuery(pages)]);
  const invalid = async (key: readonly unknown[]) => {
    await refresh();
    await queries.invalidateQueries({ queryKey: key });
    return [isInvalid(one.queryKey), isInvalid(pages.queryKey)];
  };
  expect(await invalid(queryKey(client.team, [2]))).toEqual([false, false]);
  expect(await invalid(queryKey(client.team, [1]))).toEqual([true, false]);
  expect(await invalid(queryKey(client.team))).toEqual([true, false]);
  expect(await invalid(queryKey(client.teams))).toEqual([false, true]);
  expect(await invalid(queryKey(client))).toEqual([true, true]);
  expect(queries.getQueryData(one.queryKey)?.id).toBe(1);
});

test("waits for its arguments", () => {
  const options = queryOptions(client.team, skipToken);
  expect(options).toEqual({ queryKey: ["fusewire", "team"], queryFn: skipToken });
});

test("a signal of the client's own ends a query as well", async () => {
  const controller = new AbortController();
  const { queryFn } = queryOptions(client.with({ signal: controller.signal }).wait, ["own signal"]);
  const waiting = queryFn({ signal: new AbortController().signal });
  controller.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
});

test("reads pages", async () => {
  const options = infiniteQueryOptions(client.teams.pages, (after: number | null) => [after], {
    initialPageParam: null,
    getNextPageParam: (last) => last.next,
  });
  const data = await queries.fetchInfiniteQuery({ ...options, pages: 3 });
  expect(data.pages.map(({ rows }) => rows)).toEqual([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  expect(data.pageParams).toEqual([null, 2, 4]);
});

test("reads a stream item by item, and anew", async () => {
  const observer = new QueryObserver(queries, streamQueryOptions(client.count, ["query stream", 3]));
  onTestFinished(observer.subscribe(() => undefined));
  await vi.waitFor(() => expect(observer.getCurrentResult().fetchStatus).toBe("idle"));
  expect(observer.getCurrentResult().data).toEqual([0, 1, 2]);
  await observer.refetch();
  expect(observer.getCurrentResult().data).toEqual([0, 1, 2]);
});

test("a stream that nobody watches any more is cancelled in Python", async () => {
  const observer = new QueryObserver(queries, streamQueryOptions(client.count, ["query left"]));
  const leave = observer.subscribe(() => undefined);
  await vi.waitFor(() => expect(observer.getCurrentResult().data).toEqual([0, 1, 2]));
  expect(observer.getCurrentResult()).toMatchObject({ status: "success", fetchStatus: "fetching" });
  leave();
  await vi.waitFor(async () => expect(await client.noted("query left")).toEqual(["started", "cancelled"]));
});

test("mutates, with and without arguments", async () => {
  const rename = new MutationObserver(queries, mutationOptions(client.teams.rename));
  expect(await rename.mutate([2, "Violet"])).toMatchObject({ id: 2, name: "Violet" });
  expect(mutationOptions(client.seen).mutationKey).toEqual(["fusewire", "seen"]);
  expect(await new MutationObserver(queries, mutationOptions(client.teams.pages)).mutate()).toMatchObject({
    rows: [1, 2],
  });
});

test("retries what another attempt may mend", async () => {
  const away = new RpcError("CONNECTION_LOST", { status: 503 });
  expect([0, 2, 3].map((count) => retry(count, away))).toEqual([true, true, false]);
  queries.setDefaultOptions({ queries: { retry } });
  const error = await queries
    .fetchQuery({ ...queryOptions(client.team, [9]), retry })
    .catch((e: unknown) => e);
  expect(error).toMatchObject({ code: "FULL", data: { n: 9 } });
  expect(queries.getQueryState(queryKey(client.team, [9]))?.fetchFailureCount).toBe(1);
});
