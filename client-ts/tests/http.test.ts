import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createClient, RpcError } from "../src/index.js";
import { decode, encode } from "../src/wire/codec.js";
import { descriptor, type Events, type Procedures, until } from "./support/client.js";
import { FakeClock } from "./support/clock.js";
import { HttpServer, MSGPACK, reply } from "./support/http.js";

let server: HttpServer;
beforeEach(async () => {
  server = await HttpServer.start();
});
afterEach(() => server.stop());

describe("a call over HTTP", () => {
  it("sends a msgpack object by name and reads msgpack", async () => {
    server.answer = (_, response) => reply(response, 200, { at: new Date(5), raw: new Uint8Array([1]) });
    const result: unknown = await server.client({ auth: async () => ({ token: "t" }) }).add(1, 2);
    expect(result).toStrictEqual({ at: new Date(5), raw: new Uint8Array([1]) });
    const [{ request, body } = expect.unreachable()] = server.seen;
    expect(request).toMatchObject({ method: "POST", url: "/api/add" });
    expect(request.headers).toMatchObject({
      accept: "application/msgpack",
      "content-type": "application/msgpack",
      authorization: "Bearer t",
    });
    expect(decode(body)).toEqual({ a: 1, b: 2 });
  });

  it("needs to know where, on a server", async () => {
    const client = createClient<Procedures, Events>(descriptor);
    await expect(client.add(1, 2)).rejects.toThrow("a server has no origin of its own: pass url");
  });

  it("tells of a server of another contract", async () => {
    const contracts = ["0123456789abcdef", "v2", "v2", undefined, "v3"];
    server.answer = (_, response) => {
      const calls = contracts.shift();
      if (calls !== undefined) response.setHeader("fusewire-calls", calls);
      reply(response, 200, 3);
    };
    const told: string[] = [];
    const client = server.client({ onStale: ({ server }) => told.push(server) });
    while (contracts.length > 0) expect(await client.add(1, 2)).toBe(3);
    expect(told).toEqual(["v2", "v3"]);
  });

  it("puts parameters into the path, and keywords into the body", async () => {
    await server.client().start_job("a/b ü", { dry_run: true });
    expect(server.seen[0]?.request.url).toBe("/api/jobs/a%2Fb%20%C3%BC/start");
    expect(decode(server.seen[0]?.body ?? Buffer.of())).toEqual({ dry_run: true });
  });

  it("puts them into the query for GET", async () => {
    const client = server.client();
    await client.optional(1, undefined, 3);
    expect(server.seen[0]?.request).toMatchObject({ method: "GET", url: "/api/optional?a=1&c=3" });
    const values = [["x", "y"], new Date(0), null] as unknown as [number, number, number];
    await client.optional(...values);
    expect(server.seen[1]?.request.url).toBe("/api/optional?a=x&a=y&b=1970-01-01T00%3A00%3A00.000Z");
    const more = [new Uint8Array([0xfb, 0xff]), 2n ** 70n] as unknown as [number, number];
    await client.optional(...more);
    expect(server.seen[2]?.request.url).toBe("/api/optional?a=%2B_8%3D&b=1180591620717411303424");
    await expect(client.optional(new Map() as unknown as number)).rejects.toThrow("(at a)");
    expect(server.seen).toHaveLength(3);
  });

  it("puts the fields of a model into a query and a form", async () => {
    const client = server.client();
    const model = { a: 1, tags: ["x", "y"], gone: null, absent: undefined };
    await client.optional(model as unknown as number);
    expect(server.seen[0]?.request.url).toBe("/api/optional?a=1&tags=x&tags=y");
    await client.avatar(model as unknown as Blob, new Blob(["p"]) as unknown as string);
    const names = server.seen[1]?.body.toString().match(/(?<=; )name="\w+"/g);
    expect(names).toEqual(['name="a"', 'name="tags"', 'name="tags"', 'name="note"']);
  });

  it("tells its deadline, where it has one", async () => {
    const client = server.client();
    await client.with({ timeout: 1_500 }).add(1, 2);
    await client.add(1, 2);
    await client.with({ timeout: 0 }).add(1, 2);
    expect(server.seen.map(({ request }) => request.headers["fusewire-timeout"])).toEqual([
      "1500",
      "30000",
      undefined,
    ]);
  });

  it("sends a single model as the body itself", async () => {
    await server.client().echo({ model: [1] });
    expect(decode(server.seen[0]?.body ?? Buffer.of())).toEqual({ model: [1] });
  });

  it("sends a form with files", async () => {
    await server.client().avatar(new Blob(["picture"]), "note");
    expect(server.seen[0]?.request.headers["content-type"]).toMatch(/^multipart\/form-data; boundary=/);
    expect(server.seen[0]?.body.toString()).toContain("picture");
    expect(server.seen[0]?.body.toString()).toContain('name="note"');
  });

  it("reads JSON, text and nothing, where a route answers so", async () => {
    const client = server.client();
    const bodies: [string, string, unknown][] = [
      ["application/json", '{"a":1}', { a: 1 }],
      ["text/plain", "hello", "hello"],
      ["application/octet-stream", "", null],
    ];
    for (const [type, body, value] of bodies) {
      server.answer = (_, response) => response.writeHead(200, { "content-type": type }).end(body);
      expect(await client.echo(1)).toEqual(value);
    }
  });

  it("rejects with the same error as on the socket", async () => {
    server.answer = (_, response) =>
      reply(response, 402, { detail: "spent", code: "BUDGET_SPENT", data: { left: 0 }, id: "e" });
    const error = await server
      .client()
      .add(1, 2)
      .catch((error: unknown) => error);
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({
      code: "BUDGET_SPENT",
      status: 402,
      message: "spent",
      data: { left: 0 },
      id: "e",
      maybeExecuted: false,
    });
    server.answer = (_, response) =>
      response.writeHead(502, { "content-type": "text/html" }).end("<h1>Bad gateway</h1>");
    await expect(server.client().add(1, 2)).rejects.toMatchObject({ code: "HTTP_502", status: 502 });
  });

  it("rejects with CONNECTION_LOST when the network fails", async () => {
    server.answer = (_, response) => response.destroy();
    await expect(server.client().add(1, 2)).rejects.toMatchObject({
      code: "CONNECTION_LOST",
      maybeExecuted: true,
    });
  });

  it("can be aborted, times out, and ends with close()", async () => {
    let left = 0;
    server.answer = (_, response) => response.on("close", () => left++);
    const clock = new FakeClock();
    const client = server.client({ environment: clock });
    const controller = new AbortController();
    const aborted = client.with({ signal: controller.signal }).add(1, 2);
    const late = client.with({ timeout: 100 }).add(1, 2);
    const closed = client.add(1, 2);
    await until(() => server.seen.length === 3);
    controller.abort("enough");
    await expect(aborted).rejects.toBe("enough");
    clock.advance(600);
    await expect(late).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED", maybeExecuted: true });
    client.close();
    await expect(closed).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    await until(() => left === 3);
  });

  it("is what `via: http` means, whatever else there is", async () => {
    const client = server.client({
      WebSocket: class {
        constructor() {
          throw new Error("not this one");
        }
      } as never,
    });
    await client.login("me", "secret");
    expect(server.seen[0]?.request.url).toBe("/api/login");
    client.close();
  });

  it("asks `fetch` for cookies of its own origin, and calls it without a receiver", async () => {
    const calls: unknown[] = [];
    const client = createClient<Procedures, Events>(descriptor, {
      fetch: async function (this: unknown, url, init) {
        calls.push([this, url, init?.credentials]);
        return new Response(encode(3), { headers: MSGPACK });
      } as typeof fetch,
    });
    expect(await client.add(1, 2)).toBe(3);
    expect(calls).toEqual([[undefined, "/api/add", "same-origin"]]);
    expect(client.status.code).toBe("http");
  });
});
