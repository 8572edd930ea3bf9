import { assertType, describe, expectTypeOf, it } from "vitest";
import type { WebSocket as NodeWebSocket } from "ws";
import {
  type ClientMembers,
  type ConnectOptions,
  createClient,
  Decimal,
  matchesError,
  type RpcError,
  type SocketConstructor,
  type Status,
  type Stream,
  type StreamReader,
  UUID,
} from "../src/index.js";
import { descriptor, type Events, type Procedures, type TestClient } from "./support/client.js";

declare const client: TestClient;

interface Errors {
  BUDGET_SPENT: { left: number };
}
function isError<Code extends keyof Errors>(
  error: unknown,
  code: Code,
): error is RpcError<Code, Errors[Code]> {
  return matchesError(error, code);
}

describe("a client", () => {
  it("has its procedures", () => {
    expectTypeOf(client.add).toEqualTypeOf<(a: number, b: number) => Promise<number>>();
    expectTypeOf(client.teams.rename(1, "x")).toEqualTypeOf<Promise<string>>();
    // @ts-expect-error a misspelt name
    client.addd(1, 2);
    // @ts-expect-error a wrong argument
    client.add("1", 2);
    expectTypeOf(createClient<Procedures, Events>(descriptor)).toEqualTypeOf<TestClient>();
    expectTypeOf(client.with({ timeout: 1 })).toEqualTypeOf<TestClient>();
  });

  it("types events by name", () => {
    client.on("JobStatus", (event) =>
      expectTypeOf(event).toEqualTypeOf<{ job_id: string; progress: number }>(),
    );
    expectTypeOf(client.once("Tick")).toEqualTypeOf<Promise<number>>();
    expectTypeOf(client.events("Tick")).toExtend<AsyncIterable<number>>();
    // @ts-expect-error a misspelt event
    client.on("JobStatsu", () => undefined);
    // @ts-expect-error a wrong payload
    client.on("Tick", (tick: string) => tick);
  });

  it("with no events has no event names", () => {
    // biome-ignore lint/complexity/noBannedTypes: what the generator writes for an app without events
    expectTypeOf<Parameters<ClientMembers<object, {}>["on"]>[0]>().toEqualTypeOf<never>();
  });

  it("has a status that is a store", () => {
    expectTypeOf(client.status.state).toEqualTypeOf<"disconnected" | "connecting" | "connected">();
    client.status.subscribe((status) => expectTypeOf(status).toEqualTypeOf<Status>());
  });
});

it("a stream is iterable, and awaiting it gives a reader", async () => {
  expectTypeOf(client.chat("hi")).toEqualTypeOf<Stream<string>>();
  expectTypeOf<Awaited<Stream<string>>>().toEqualTypeOf<StreamReader<string>>();
  for await (const token of client.chat("hi")) expectTypeOf(token).toEqualTypeOf<string>();
  const stream = await client.chat("hi");
  for await (const token of stream) expectTypeOf(token).toEqualTypeOf<string>();
});

it("isError narrows to the declared data", () => {
  const error: unknown = undefined;
  if (isError(error, "BUDGET_SPENT")) {
    expectTypeOf(error.data).toEqualTypeOf<{ left: number }>();
    expectTypeOf(error.code).toEqualTypeOf<"BUDGET_SPENT">();
  }
  if (matchesError(error, "UNAVAILABLE")) expectTypeOf(error.code).toEqualTypeOf<"UNAVAILABLE">();
});

it("branded strings are strings, and not each other", () => {
  expectTypeOf(UUID("x")).toExtend<string>();
  expectTypeOf<UUID>().not.toExtend<Decimal>();
  // @ts-expect-error a plain string is no UUID
  assertType<UUID>("x");
  expectTypeOf(Decimal).toEqualTypeOf<(text: string) => Decimal>();
});

it("takes the browser's WebSocket, and that of ws", () => {
  expectTypeOf<typeof WebSocket>().toExtend<SocketConstructor>();
  expectTypeOf<typeof NodeWebSocket>().toExtend<SocketConstructor>();
  expectTypeOf<{ url: string; timeout: number }>().toExtend<ConnectOptions>();
});
