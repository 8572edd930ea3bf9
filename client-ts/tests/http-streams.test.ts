import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encode } from "../src/wire/codec.js";
import { until } from "./support/client.js";
import { HttpServer, MSGPACK, reply } from "./support/http.js";

let server: HttpServer;
beforeEach(async () => {
  server = await HttpServer.start();
});
afterEach(() => server.stop());

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
    server.answer = async (_, response) => {
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
    for await (const value of server.client().numbers()) read.push(value);
    expect(read).toEqual(["a", 0, { b: "x".repeat(50) }]);
  });

  it("throws the error of its middle, and that of a body that was cut", async () => {
    const ends: [Uint8Array, string][] = [
      [encode([7, 0, 500, "INTERNAL", "broken"]), "INTERNAL"],
      [new Uint8Array(), "CONNECTION_LOST"],
      [encode([5]), "DecodeError"],
    ];
    for (const [end, code] of ends) {
      server.answer = (_, response) => response.writeHead(200, MSGPACK).end(Buffer.concat([item(1), end]));
      const stream = server.client().numbers();
      expect(await stream.next()).toEqual({ done: false, value: 1 });
      const error = await stream.next().catch((error: unknown) => error);
      expect([Reflect.get(error as object, "code"), Reflect.get(error as object, "name")]).toContain(code);
    }
  });

  it("that fails before its first item throws that error", async () => {
    server.answer = (_, response) => reply(response, 403, { detail: "no", code: "FORBIDDEN" });
    await expect(server.client().numbers().next()).rejects.toMatchObject({ code: "FORBIDDEN", status: 403 });
  });

  it("ends on the server when the reader leaves", async () => {
    let closed = false;
    server.answer = (_, response) => {
      response.on("close", () => {
        closed = true;
      });
      response.writeHead(200, MSGPACK).write(item(1));
    };
    for await (const value of server.client().numbers()) {
      expect(value).toBe(1);
      break;
    }
    await until(() => closed);
  });

  it("is not read far ahead of its reader", async () => {
    let written = 0;
    server.answer = async (_, response) => {
      response.writeHead(200, MSGPACK);
      const chunk = item("x".repeat(60_000));
      for (; written < 2_000 && !response.destroyed; written++) {
        if (!response.write(chunk)) await room(response);
      }
      response.end(encode([6, 0]));
    };
    const stream = server.client().numbers();
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
