import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decode } from "../src/wire/codec.js";
import { descriptor } from "./support/client.js";
import { HttpServer } from "./support/http.js";
import { fakeSockets, settled } from "./support/socket.js";

let server: HttpServer;
beforeEach(async () => {
  server = await HttpServer.start();
});
afterEach(() => server.stop());

describe("the part for HTTP", () => {
  const load = descriptor.http;

  it("is loaded by the first call over HTTP; arguments are taken when the call is made", async () => {
    let arrive = (): void => undefined;
    let loads = 0;
    const client = server.client({}, async () => {
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
    expect(decode(server.seen[0]?.body ?? Buffer.of())).toEqual({
      list: [1, { a: 2 }],
      at: new Date(5),
      none: null,
    });
  });

  it("that cannot be loaded fails the call, which was not executed, and is asked for again", async () => {
    let loads = 0;
    const client = server.client({}, () =>
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
    const client = server.client();
    const aborted = client.with({ signal: controller.signal }).add(1, 2);
    controller.abort("early");
    await expect(aborted).rejects.toBe("early");
    expect(await client.add(3, 4)).toBeNull();
    expect(server.seen.map(({ body }) => decode(body))).toEqual([{ a: 3, b: 4 }]);
  });

  it("is not loaded by calls over the WebSocket", async () => {
    const { WebSocket, sockets } = fakeSockets();
    const client = server.client({ WebSocket }, () => expect.unreachable());
    const sum = client.add(1, 2);
    await settled();
    sockets[0]?.opened();
    await settled();
    sockets[0]?.receives({ kind: "result", id: 1, value: 3 });
    expect(await sum).toBe(3);
    client.close();
  });
});
