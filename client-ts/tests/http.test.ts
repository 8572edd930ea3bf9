import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ConnectOptions, createClient, RpcError } from "../src/index.js";
import { decode, encode } from "../src/wire/codec.js";
import { descriptor, type Events, type Procedures, type TestClient, until } from "./support/client.js";
import { FakeClock } from "./support/clock.js";
import { fakeSockets, settled } from "./support/socket.js";

interface Seen {
  readonly request: IncomingMessage;
  readonly body: Buffer;
}

let server: Server;
let seen: Seen[];
let answer: (seen: Seen, response: ServerResponse) => void;

beforeEach(async () => {
  seen = [];
  answer = (_, response) => reply(response, 200, null);
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const arrived = { request, body: Buffer.concat(chunks) };
    seen.push(arrived);
    answer(arrived, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const MSGPACK = { "content-type": "application/msgpack" };
function reply(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, MSGPACK).end(encode(value));
}
function clientOf(options: ConnectOptions = {}): TestClient {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return createClient<Procedures, Events>(descriptor, { url, ...options });
}

describe("a call over HTTP", () => {
  it("sends a msgpack object by name and reads msgpack", async () => {
    answer = (_, response) => reply(response, 200, { at: new Date(5), raw: new Uint8Array([1]) });
    const result: unknown = await clientOf({ auth: async () => ({ token: "t" }) }).add(1, 2);
    expect(result).toStrictEqual({ at: new Date(5), raw: new Uint8Array([1]) });
    const [{ request, body } = expect.unreachable()] = seen;
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
    answer = (_, response) => {
      const calls = contracts.shift();
      if (calls !== undefined) response.setHeader("fusewire-calls", calls);
      reply(response, 200, 3);
    };
    const told: string[] = [];
    const client = clientOf({ onStale: ({ server }) => told.push(server) });
    while (contracts.length > 0) expect(await client.add(1, 2)).toBe(3);
    expect(told).toEqual(["v2", "v3"]);
  });

  it("puts parameters into the path, and keywords into the body", async () => {
    await clientOf().start_job("a/b ü", { dry_run: true });
    expect(seen[0]?.request.url).toBe("/api/jobs/a%2Fb%20%C3%BC/start");
    expect(decode(seen[0]?.body ?? Buffer.of())).toEqual({ dry_run: true });
  });

  it("puts them into the query for GET", async () => {
    const client = clientOf();
    await client.optional(1, undefined, 3);
    expect(seen[0]?.request).toMatchObject({ method: "GET", url: "/api/optional?a=1&c=3" });
    const values = [["x", "y"], new Date(0), null] as unknown as [number, number, number];
    await client.optional(...values);
    expect(seen[1]?.request.url).toBe("/api/optional?a=x&a=y&b=1970-01-01T00%3A00%3A00.000Z");
    const more = [new Uint8Array([0xfb, 0xff]), 2n ** 70n] as unknown as [number, number];
    await client.optional(...more);
    expect(seen[2]?.request.url).toBe("/api/optional?a=%2B_8%3D&b=1180591620717411303424");
    await expect(client.optional(new Map() as unknown as number)).rejects.toThrow("(at a)");
    expect(seen).toHaveLength(3);
  });

  it("puts the fields of a model into a query and a form", async () => {
    const client = clientOf();
    const model = { a: 1, tags: ["x", "y"], gone: null, absent: undefined };
    await client.optional(model as unknown as number);
    expect(seen[0]?.request.url).toBe("/api/optional?a=1&tags=x&tags=y");
    await client.avatar(model as unknown as Blob, new Blob(["p"]) as unknown as string);
    const names = seen[1]?.body.toString().match(/(?<=; )name="\w+"/g);
    expect(names).toEqual(['name="a"', 'name="tags"', 'name="tags"', 'name="note"']);
  });

  it("tells its deadline, where it has one", async () => {
    const client = clientOf();
    await client.with({ timeout: 1_500 }).add(1, 2);
    await client.add(1, 2);
    await client.with({ timeout: 0 }).add(1, 2);
    expect(seen.map(({ request }) => request.headers["fusewire-timeout"])).toEqual([
      "1500",
      "30000",
      undefined,
    ]);
  });

  it("sends a single model as the body itself", async () => {
    await clientOf().echo({ model: [1] });
    expect(decode(seen[0]?.body ?? Buffer.of())).toEqual({ model: [1] });
  });

  it("sends a form with files", async () => {
    await clientOf().avatar(new Blob(["picture"]), "note");
    expect(seen[0]?.request.headers["content-type"]).toMatch(/^multipart\/form-data; boundary=/);
    expect(seen[0]?.body.toString()).toContain("picture");
    expect(seen[0]?.body.toString()).toContain('name="note"');
  });

  it("reads JSON, text and nothing, where a route answers so", async () => {
    const client = clientOf();
    const bodies: [string, string, unknown][] = [
      ["application/json", '{"a":1}', { a: 1 }],
      ["text/plain", "hello", "hello"],
      ["application/octet-stream", "", null],
    ];
    for (const [type, body, value] of bodies) {
      answer = (_, response) => response.writeHead(200, { "content-type": type }).end(body);
      expect(await client.echo(1)).toEqual(value);
    }
  });

  it("rejects with the same error as on the socket", async () => {
    answer = (_, response) =>
      reply(response, 402, { detail: "spent", code: "BUDGET_SPENT", data: { left: 0 }, id: "e" });
    const error = await clientOf()
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
    answer = (_, response) =>
      response.writeHead(502, { "content-type": "text/html" }).end("<h1>Bad gateway</h1>");
    await expect(clientOf().add(1, 2)).rejects.toMatchObject({ code: "HTTP_502", status: 502 });
  });

  it("rejects with CONNECTION_LOST when the network fails", async () => {
    answer = (_, response) => response.destroy();
    await expect(clientOf().add(1, 2)).rejects.toMatchObject({
      code: "CONNECTION_LOST",
      maybeExecuted: true,
    });
  });

  it("can be aborted, times out, and ends with close()", async () => {
    let left = 0;
    answer = (_, response) => response.on("close", () => left++);
    const clock = new FakeClock();
    const client = clientOf({ environment: clock });
    const controller = new AbortController();
    const aborted = client.with({ signal: controller.signal }).add(1, 2);
    const late = client.with({ timeout: 100 }).add(1, 2);
    const closed = client.add(1, 2);
    await until(() => seen.length === 3);
    controller.abort("enough");
    await expect(aborted).rejects.toBe("enough");
    clock.advance(600);
    await expect(late).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED", maybeExecuted: true });
    client.close();
    await expect(closed).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    await until(() => left === 3);
  });

  it("is what `via: http` means, whatever else there is", async () => {
    const client = clientOf({
      WebSocket: class {
        constructor() {
          throw new Error("not this one");
        }
      } as never,
    });
    await client.login("me", "secret");
    expect(seen[0]?.request.url).toBe("/api/login");
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

describe("the part for HTTP", () => {
  const load = descriptor.http;

  /** A client that loads the part as the test says. */
  function clientWith(http: typeof load, options: ConnectOptions = {}): TestClient {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    return createClient<Procedures, Events>({ ...descriptor, http }, { url, ...options });
  }

  it("is loaded by the first call over HTTP; arguments are taken when the call is made", async () => {
    let arrive = (): void => undefined;
    let loads = 0;
    const client = clientWith(async () => {
      loads++;
      await new Promise<void>((resolve) => {
        arrive = resolve;
      });
      return load();
    });
    expect(loads).toBe(0);
    const value = { list: [1, { a: 2 }], at: new Date(5), none: null };
    const call = client.echo(value);
    value.list.push(3);
    Object.assign(value, { more: 1 });
    arrive();
    await call;
    expect(decode(seen[0]?.body ?? Buffer.of())).toEqual({
      list: [1, { a: 2 }],
      at: new Date(5),
      none: null,
    });
  });

  it("that cannot be loaded fails the call, which was not executed, and is asked for again", async () => {
    let loads = 0;
    const client = clientWith(() =>
      ++loads === 1 ? Promise.reject(new TypeError("no such chunk")) : load(),
    );
    await expect(client.add(1, 2)).rejects.toMatchObject({
      code: "CONNECTION_LOST",
      message: "no such chunk",
      maybeExecuted: false,
    });
    expect(await client.add(1, 2)).toBeNull();
    expect(loads).toBe(2);
  });

  it("sends nothing for a call that was aborted while it was loaded", async () => {
    const controller = new AbortController();
    const client = clientWith(load);
    const aborted = client.with({ signal: controller.signal }).add(1, 2);
    controller.abort("early");
    await expect(aborted).rejects.toBe("early");
    expect(await client.add(3, 4)).toBeNull();
    expect(seen.map(({ body }) => decode(body))).toEqual([{ a: 3, b: 4 }]);
  });

  it("is not loaded by calls over the WebSocket", async () => {
    const { WebSocket, sockets } = fakeSockets();
    const client = clientWith(() => expect.unreachable(), { WebSocket });
    const sum = client.add(1, 2);
    await settled();
    sockets[0]?.opened();
    await settled();
    sockets[0]?.receives({ kind: "result", id: 1, value: 3 });
    expect(await sum).toBe(3);
    client.close();
  });
});

/** Until the response can take more, or is over. */
function room(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      response.off("drain", go).off("close", go);
      resolve();
    };
    response.on("drain", go).on("close", go);
  });
}

describe("a stream over HTTP", () => {
  const item = (value: unknown): Uint8Array => encode([5, 0, value]);

  it("reads items, also when the network cuts them anywhere, past pings, to the end", async () => {
    answer = async (_, response) => {
      response.writeHead(200, MSGPACK);
      const bytes = Buffer.concat([
        item("a"),
        encode([12]),
        item(0),
        item({ b: "x".repeat(50) }),
        encode([6, 0]),
      ]);
      for (const byte of bytes) {
        response.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    };
    const read = [];
    for await (const value of clientOf().numbers()) read.push(value);
    expect(read).toEqual(["a", 0, { b: "x".repeat(50) }]);
  });

  it("throws the error of its middle, and that of a body that was cut", async () => {
    const ends: [Uint8Array, string][] = [
      [encode([7, 0, 500, "INTERNAL", "broken"]), "INTERNAL"],
      [new Uint8Array(), "CONNECTION_LOST"],
      [encode([5]), "DecodeError"],
    ];
    for (const [end, code] of ends) {
      answer = (_, response) => response.writeHead(200, MSGPACK).end(Buffer.concat([item(1), end]));
      const stream = clientOf().numbers();
      expect(await stream.next()).toEqual({ done: false, value: 1 });
      const error = await stream.next().catch((error: unknown) => error);
      expect([Reflect.get(error as object, "code"), Reflect.get(error as object, "name")]).toContain(code);
    }
  });

  it("that fails before its first item throws that error", async () => {
    answer = (_, response) => reply(response, 403, { detail: "no", code: "FORBIDDEN" });
    await expect(clientOf().numbers().next()).rejects.toMatchObject({ code: "FORBIDDEN", status: 403 });
  });

  it("ends on the server when the reader leaves", async () => {
    let closed = false;
    answer = (_, response) => {
      response.on("close", () => {
        closed = true;
      });
      response.writeHead(200, MSGPACK).write(item(1));
    };
    for await (const value of clientOf().numbers()) {
      expect(value).toBe(1);
      break;
    }
    await until(() => closed);
  });

  it("is not read far ahead of its reader", async () => {
    let written = 0;
    answer = async (_, response) => {
      response.writeHead(200, MSGPACK);
      const chunk = item("x".repeat(60_000));
      for (; written < 2_000 && !response.destroyed; written++) {
        if (!response.write(chunk)) await room(response);
      }
      response.end(encode([6, 0]));
    };
    const stream = clientOf().numbers();
    await stream.next();
    const settled = async (): Promise<void> => {
      let before = -1;
      while (before !== written) {
        before = written;
        for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await settled();
    expect(written).toBeLessThan(1_000);
    let count = 1;
    for await (const _ of stream) count++;
    expect(count).toBe(2_000);
  });
});
