import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { Server } from "../server";
import { type Client, connect } from "./fuse";
import { thrown } from "./support";

let server: Server;
let client: Client;

beforeAll(async () => {
  server = await Server.start("tests.interop.features.main:app");
});
beforeEach(() => {
  client = connect({ url: server.origin, WebSocket });
});
afterEach(() => client.close());
afterAll(() => server.stop());

test("a file and what is said of it", async () => {
  const file = new File(["picture"], "me.png", { type: "image/png" });
  expect(await client.avatar(file, { note: "ä" })).toEqual({
    name: "me.png",
    kind: "image/png",
    size: 7,
    note: "ä",
  });
  expect(await client.avatar(new Blob(["x"]))).toMatchObject({ name: "blob", size: 1, note: "none" });
  expect(await client.avatar(file, { note: "" })).toMatchObject({ note: "" });
  // @ts-expect-error: a text is no file
  await thrown(client.avatar("picture"));
});

test("several files, and none", async () => {
  const [one, two] = [new Blob(["1"]), new Blob(["22"])];
  expect(await client.album("a b", [one, two])).toBe("a b [1, 2]  None");
  expect(await client.album("c", [one], new Blob(["cover"]), new File([], "e"))).toBe("c [1] cover e");
  expect(await client.album("d", [one], undefined, null)).toBe("d [1]  None");
});

test("a form without files, and a model that is a form", async () => {
  expect(await client.subscribe("a@b", true)).toBe("a@b True");
  const profile = { name: "Ada", age: 36, tags: ["a", "b"], picture: new Blob(["face"]) };
  expect(await client.save_profile(profile)).toBe("Ada 36 ['a', 'b'] face");
  expect(await client.save_profile({ name: "Bob", age: null })).toBe("Bob None [] None");
});

test("what does not fit, and what is too large", async () => {
  const invalid = await thrown(client.subscribe("a"));
  expect(invalid).toMatchObject({ code: "INVALID_ARGUMENT", status: 422 });
  expect(invalid.detail).toMatchObject([{ type: "string_too_short", loc: ["body", "email"] }]);
  const large = await thrown(client.avatar(new Blob([new Uint8Array(4_000_000)])));
  expect(large.code).toBe("TOO_LARGE");
  expect(await client.avatar(new Blob([new Uint8Array(2_000_000)]))).toMatchObject({ size: 2_000_000 });
});

test("a deadline over HTTP is Python's too", async () => {
  const late = await thrown(client.with({ timeout: 100 }).wait_over_http("forms"));
  expect(late).toMatchObject({
    code: "DEADLINE_EXCEEDED",
    status: 504,
    detail: "The call's deadline passed",
  });
  expect(await client.noted("forms")).toEqual(["has 0.1", "cancelled"]);
});
