import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { RpcError } from "@fusewire/client";
import { queryOptions } from "@fusewire/client/query";
import { useEvents, useStatus, useStream } from "@fusewire/client/react";
import { fetchAs } from "@fusewire/client/ssr";
import { type DehydratedState, dehydrate, hydrate, QueryClient } from "@tanstack/query-core";
import { parse, stringify } from "devalue";
import { renderToString } from "react-dom/server";
import { render } from "svelte/server";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { Server } from "../interop/server.ts";
import { type Client, connect } from "./fuse.ts";
import Hooks from "./support/Hooks.svelte";

let server: Server;

beforeAll(async () => {
  server = await Server.start("tests.ui.main:app");
});
afterAll(() => server.stop());

/** A client for one request of that person, as a page's `load` makes it. */
function clientFor(user: string, headers: Record<string, string> = {}): Client {
  const request = new Request("http://page.example/", { headers: { cookie: `user=${user}`, ...headers } });
  return connect({ url: server.origin, fetch: fetchAs(request) });
}

/** The same procedures over both, for one test. */
function bothClients(): [overHttp: Client, overSocket: Client] {
  const overSocket = connect({ url: server.origin, WebSocket });
  onTestFinished(() => overSocket.close());
  return [connect({ url: server.origin }), overSocket];
}

test("importing, connecting, listening and rendering open nothing", async () => {
  let connections = 0;
  const listener = createServer(() => connections++).listen(0, "127.0.0.1");
  await once(listener, "listening");
  onTestFinished(() => void listener.close());
  const client = connect({ url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}` });
  client.on("Tick", () => undefined);
  expect(client.status).toMatchObject({ state: "disconnected", code: "http" });

  function Page() {
    const { state } = useStatus(client);
    const { items } = useEvents(client, "Tick");
    const log = useStream(client.count, ["rendered"]);
    return <p>{`${state} ${items.length} ${log.state}`}</p>;
  }
  expect(renderToString(<Page />)).toBe("<p>disconnected 0 idle</p>");
  expect(render(Hooks, { props: { client } }).body).toContain("<p>disconnected 0 idle</p>");
  expect(connections).toBe(0);
});

describe("a server that renders", () => {
  test("calls for the person who asked, and never for another", async () => {
    const people = ["slow", ...Array.from({ length: 20 }, (_, n) => `person ${n}`), "slow"];
    const seen = await Promise.all(people.map((user) => clientFor(user).seen()));
    expect(seen.map(({ user }) => user)).toEqual(people);
    expect(await connect({ url: server.origin }).seen()).toMatchObject({ user: null });
  });

  test("passes on who is asking, and the client's own headers count", async () => {
    const headers = new Headers({
      cookie: "user=eva",
      "accept-language": "de",
      "x-forwarded-for": "192.0.2.9",
    });
    const options = { url: server.origin, fetch: fetchAs({ headers }, { clientIp: "192.0.2.1" }) };
    expect(await connect(options).seen()).toEqual({ user: "eva", language: "de", client: "192.0.2.1" });
    const withToken = connect({ ...options, auth: () => ({ token: "kim" }) });
    expect(await withToken.seen()).toMatchObject({ user: "kim" });
    // What the browser says about its address is no fact.
    expect(await connect({ ...options, fetch: fetchAs({ headers }) }).seen()).toMatchObject({ client: null });
  });

  test("fetches queries for the page, which finds them by the same keys", async () => {
    const onServer = new QueryClient({ defaultOptions: { dehydrate: { serializeData: stringify } } });
    await onServer.prefetchQuery(queryOptions(clientFor("eva").team, [1]));
    const sent: DehydratedState = JSON.parse(JSON.stringify(dehydrate(onServer)));
    const inPage = new QueryClient({ defaultOptions: { hydrate: { deserializeData: parse } } });
    hydrate(inPage, sent);
    const { queryKey } = queryOptions(connect({ url: server.origin }).team, [1]);
    expect(inPage.getQueryData(queryKey)?.founded).toEqual(new Date("2026-01-02T03:04:05.678Z"));
  });

  test("hands on the cookie that a login sets", async () => {
    const lines: string[] = [];
    const fetch = fetchAs({ headers: new Headers() }, { onSetCookie: (line) => lines.push(line) });
    await connect({ url: server.origin, fetch }).login("ann");
    expect(lines).toEqual(["user=ann; HttpOnly; Path=/; SameSite=lax"]);
  });

  test("cancels in Python when the browser hangs up", async () => {
    const request = new AbortController();
    const fetch = fetchAs({ headers: new Headers(), signal: request.signal });
    const client = connect({ url: server.origin, fetch });
    const waiting = client.wait("hung up").catch((error: unknown) => error);
    const noted = (expected: string[]) =>
      vi.waitFor(async () =>
        expect(await connect({ url: server.origin }).noted("hung up")).toEqual(expected),
      );
    await noted(["started"]);
    request.abort();
    expect(await waiting).toMatchObject({ name: "AbortError" });
    await noted(["started", "cancelled"]);
  });

  test("reads streams, and stops them", async () => {
    const client = connect({ url: server.origin });
    const items: number[] = [];
    for await (const n of client.count("http stream")) {
      items.push(n);
      if (n === 2) break;
    }
    expect(items).toEqual([0, 1, 2]);
    await vi.waitFor(async () => expect(await client.noted("http stream")).toEqual(["started", "cancelled"]));
    const all: number[] = [];
    for await (const n of client.count("http all", 500)) all.push(n);
    expect(all).toHaveLength(500);
  });
});

describe("over HTTP as over the WebSocket", () => {
  test("values are exact, also after the trip from load to the page", async () => {
    const [overHttp, overSocket] = bothClients();
    const team = await overHttp.team(1);
    expect(team).toStrictEqual(await overSocket.team(1));
    expect(team.founded).toEqual(new Date("2026-01-02T03:04:05.678Z"));
    expect(team.badge).toEqual(new Uint8Array([0, 1, 255]));
    // How SvelteKit writes what load returns into the page.
    expect(parse(stringify(team))).toStrictEqual(team);
  });

  test.each([
    ["declared", (client: Client) => client.team(9)],
    ["of an argument", (client: Client) => client.team("x" as never)],
    [
      "behind items of a stream",
      async (client: Client) => {
        for await (const n of client.count("fails", -2)) expect(n).toBeLessThan(2);
      },
    ],
    [
      "before the first item",
      async (client: Client) => {
        for await (const n of client.count("fails", "x" as never)) expect.unreachable(`${n}`);
      },
    ],
  ] as const)("an error %s is the same", async (_, call) => {
    const [http, socket] = await Promise.all(bothClients().map((client) => failureOf(call(client))));
    expect(http).toEqual(socket);
  });
});

async function failureOf(call: Promise<unknown>): Promise<object> {
  const error: unknown = await call.then(
    () => expect.unreachable(),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RpcError);
  const { code, status, detail, data, maybeExecuted, message } = error as RpcError;
  return { code, status, detail, data, maybeExecuted, message };
}
