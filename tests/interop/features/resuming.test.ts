import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { Server } from "../server";
import { connect } from "./fuse";

let server: Server;

beforeAll(async () => {
  server = await Server.start("tests.interop.features.main:app");
});
afterAll(() => server.stop());

test("a stream goes on over a connection that is cut, and after the page was loaded again", async () => {
  const sockets: WebSocket[] = [];
  class Seen extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      sockets.push(this);
    }
  }
  const client = connect({ url: server.origin, WebSocket: Seen });
  const stream = client.story(60);
  const got: number[] = [];
  for await (const each of stream) {
    got.push(each);
    if (each === 10) sockets.at(-1)?.terminate();
  }
  expect(got).toEqual(Array.from({ length: 60 }, (_, index) => index));
  expect(sockets.length).toBe(2);
  client.close();

  const later = connect({ url: server.origin, WebSocket });
  const again: number[] = [];
  for await (const each of later.story.resume(stream.id ?? "")) again.push(each);
  expect(again).toEqual(got);
  await expect(later.story.resume("nobody-s").next()).rejects.toMatchObject({ code: "STREAM_UNKNOWN" });
  later.close();
});
