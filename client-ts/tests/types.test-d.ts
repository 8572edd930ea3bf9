import { assertType, describe, expectTypeOf, it } from "vitest";
import type { WebSocket as NodeWebSocket } from "ws";
import {
  type ArgumentFault,
  type Call,
  type ClientMembers,
  type CodeOf,
  type ConnectOptions,
  createClient,
  Decimal,
  type ErrorOf,
  matchesError,
  type RpcError,
  type Safe,
  type SocketConstructor,
  type StandardError,
  type Status,
  type Stream,
  type StreamReader,
  safely,
  type Upload,
  UUID,
} from "../src/index.js";
import { descriptor, type Events, type Procedures, type TestClient } from "./support/client.js";

declare const client: TestClient;

interface Errors {
  BUDGET_SPENT: { left: number };
  GONE_AWAY: undefined;
  NOT_FOUND: { name: string };
}
function isError<Code extends CodeOf<Errors>>(error: unknown, code: Code): error is ErrorOf<Errors, Code> {
  return matchesError(error, code);
}
const safe: Safe<Errors> = safely;
declare const spend: () => Call<number, "BUDGET_SPENT" | "NOT_FOUND">;
declare const watch: () => Stream<string, "GONE_AWAY">;

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

it("isError knows the standard errors", () => {
  const error: unknown = undefined;
  if (isError(error, "RATE_LIMITED")) expectTypeOf(error.data.retry_after).toEqualTypeOf<number>();
  if (isError(error, "INVALID_ARGUMENT"))
    expectTypeOf(error.detail).toEqualTypeOf<readonly ArgumentFault[]>();
  if (isError(error, "HTTP_418")) expectTypeOf(error).toEqualTypeOf<RpcError<"HTTP_418", undefined>>();
  if (isError(error, "NOT_FOUND")) expectTypeOf(error.data).toEqualTypeOf<{ name: string }>();
  // @ts-expect-error no such code
  isError(error, "SPENT");
});

describe("safe", () => {
  it("has data or an error", async () => {
    expectTypeOf(spend()).toExtend<Promise<number>>();
    const { data, error } = await safe(spend());
    if (error) expectTypeOf(data).toEqualTypeOf<undefined>();
    else expectTypeOf(data).toEqualTypeOf<number>();
    const outcome = await safe(client.teams.rename(1, "x"));
    expectTypeOf(outcome.error).toEqualTypeOf<StandardError | undefined>();
    if (outcome.data !== undefined) expectTypeOf(outcome.data).toEqualTypeOf<string>();
  });

  it("knows the declared errors of each procedure, and the standard ones", async () => {
    const { error } = await safe(spend());
    if (error?.code === "BUDGET_SPENT") expectTypeOf(error.data).toEqualTypeOf<{ left: number }>();
    // Declared by this procedure, and so not the standard error of that code.
    if (error?.code === "NOT_FOUND") expectTypeOf(error.data).toEqualTypeOf<{ name: string }>();
    if (error?.code === "RATE_LIMITED") expectTypeOf(error.data.retry_after).toEqualTypeOf<number>();
    if (error?.code === "HTTP_503") expectTypeOf(error.data).toEqualTypeOf<undefined>();
    // @ts-expect-error another procedure's error
    error?.code === "GONE_AWAY";
    const other = (await safe(client.add(1, 2))).error;
    if (other?.code === "NOT_FOUND") expectTypeOf(other.data).toEqualTypeOf<undefined>();
  });

  it("lets a switch be exhaustive over what is declared", async () => {
    const { error } = await safe(spend());
    if (!error) return;
    switch (error.code) {
      case "BUDGET_SPENT":
      case "NOT_FOUND":
        expectTypeOf(error).toEqualTypeOf<
          RpcError<"BUDGET_SPENT", { left: number }> | RpcError<"NOT_FOUND", { name: string }>
        >();
        break;
      default:
        assertType<StandardError>(error);
    }
  });

  it("of what has lost its codes has any error", async () => {
    const call: Call<number, string> = spend();
    const { error } = await safe(call);
    expectTypeOf(error).toEqualTypeOf<RpcError | undefined>();
  });

  it("gives a stream's items one by one", async () => {
    for await (const { data, error } of safe(watch())) {
      if (error?.code === "GONE_AWAY") expectTypeOf(error.data).toEqualTypeOf<undefined>();
      if (!error) expectTypeOf(data).toEqualTypeOf<string>();
    }
    const reader = await watch();
    expectTypeOf(safe(reader)).toEqualTypeOf(safe(watch()));
  });
});

it("an upload is whatever gives items, but no text", () => {
  expectTypeOf<string[]>().toExtend<Upload<string>>();
  expectTypeOf<AsyncGenerator<string>>().toExtend<Upload<string>>();
  expectTypeOf<ReadableStream<string>>().toExtend<Upload<string>>();
  expectTypeOf<string>().not.toExtend<Upload<string>>();
  expectTypeOf<Blob>().not.toExtend<Upload<string>>();
  expectTypeOf<File>().toExtend<Upload<Uint8Array>>();
  expectTypeOf<NonNullable<Response["body"]>>().toExtend<Upload<Uint8Array>>();
  expectTypeOf<Uint8Array>().not.toExtend<Upload<Uint8Array>>();
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
