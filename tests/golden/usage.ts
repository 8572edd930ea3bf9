// What a user of the golden client may write and what must not compile. Checked by the compiler, never run.
import type { Decimal, StandardError, Stream, UUID } from "@fusewire/client";
import { type Circle, type Client, Color, connect, type Dog, type Errors, type Events, type Everything, isError, type JobStarted, type JobStatus, type Json, Priority, safe, type Tagged } from "./fuse.js";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const exactly = <_Equal extends true>(): void => {};

export async function calls(client: Client): Promise<void> {
  const started = await client.start_job("job_1", { dry_run: true });
  exactly<Equal<typeof started.started, boolean>>();
  await client.start_job("job_1");
  // @ts-expect-error a number is no job id
  await client.start_job(1);
  // @ts-expect-error there is no such option
  await client.start_job("job_1", { dryrun: true });
  // @ts-expect-error a misspelt name is no procedure
  client.start_jobb;
  // @ts-expect-error required, even behind two that are not
  await client.gap(1, 2);
  await client.gap(undefined, undefined, "second");
  await client.gap_before_options(undefined, { must: "x" });
  // @ts-expect-error the options hold a required one
  await client.gap_before_options(1);
  exactly<Equal<Parameters<Client["upload"]>, [file: Blob, note?: string | undefined]>>();
  exactly<Equal<ReturnType<Client["chat"]>, Stream<string>>>();
  for await (const token of client.chat("hi")) exactly<Equal<typeof token, string>>();
  exactly<Equal<Awaited<ReturnType<Client["teams"]["members"]["list"]>>["items"][number]["kind"], "cat">>();
  exactly<Equal<Awaited<ReturnType<Client["paint"]>>, null>>();
  const created = await client.new();
  exactly<Equal<typeof created.name, string>>();
  const animal = await client.teams.rename(1, "x");
  if (animal.kind === "dog") exactly<Equal<typeof animal.barks, boolean>>();
  // @ts-expect-error only dogs bark
  else animal.barks;
  await client.paint(Color.DARK_BLUE, null, Priority.HIGH);
  await client.paint("red");
  // @ts-expect-error no such colour
  await client.paint("green");
}

export async function uploads(client: Client, dogs: ReadableStream<Dog>): Promise<void> {
  const rex: Dog = { kind: "dog", barks: true };
  async function* walk(): AsyncGenerator<Dog> {
    yield rex;
  }
  const sum = await client.collect("walk", walk());
  exactly<Equal<typeof sum, number>>();
  await client.collect("array", [rex]);
  await client.collect("set", new Set([rex]));
  await client.collect("readable", dogs);
  await client.collect("items of one type", [{ kind: "dog", barks: false }]);
  for await (const line of client.relay({ loud: true, lines: ["a", null] })) exactly<Equal<typeof line, string>>();
  // @ts-expect-error one item is no stream
  await client.collect("x", rex);
  // @ts-expect-error a stream has no default
  await client.collect("x");
  // @ts-expect-error an item of another type
  await client.collect("x", ["rex"]);
  // @ts-expect-error an item of another type, of a generator
  await client.collect("x", (async function* () { yield 1; })());
  // @ts-expect-error the function that makes the stream, not called
  await client.collect("x", walk);
  // @ts-expect-error a promise of items
  await client.collect("x", Promise.resolve([rex]));
  // @ts-expect-error keyword-only, as in Python
  client.relay(["a"]);
  // @ts-expect-error the stream is missing
  client.relay({ loud: true });
}

export function fields(value: Everything, circle: Circle, id: UUID): void {
  exactly<Equal<Everything["at"], Date>>();
  exactly<Equal<Everything["raw"], Uint8Array>>();
  exactly<Equal<Everything["big"], bigint>>();
  exactly<Equal<Everything["id"], UUID>>();
  exactly<Equal<Everything["price"], Decimal>>();
  exactly<Equal<Everything["anything"], unknown>>();
  exactly<Equal<Everything["choices"], ("a" | "b")[]>>();
  exactly<Equal<Everything["pair"], [number, string]>>();
  exactly<Equal<Everything["rest"], [number, ...string[]]>>();
  exactly<Equal<Everything["none"], []>>();
  exactly<Equal<Everything["some"]["length"], 1 | 2>>();
  exactly<Equal<Everything["by_number"], Record<number, string>>>();
  exactly<Equal<Everything["by_color"], { red?: number; "dark blue"?: number }>>();
  exactly<Equal<Everything["inline"], { x: number; y?: number }>>();
  exactly<Equal<Everything["délicieux"], string>>();
  exactly<Equal<Everything["code"], string | null | undefined>>();
  value.by_id[id] = true;
  // @ts-expect-error a plain string is no UUID
  value.id = "6f1c";
  // @ts-expect-error worked out by the server
  circle.area = 1;
}

export function shapes(): void {
  const nested: Json = { a: [1, "b", null, { c: [true] }] };
  // @ts-expect-error no JSON
  const wrong: Json = { a: () => nested };
  const tagged: Tagged = { id: 1, height: 2.5 };
  exactly<Equal<typeof tagged.tag, string | null | undefined>>();
  void wrong;
}

export function events(client: Client): void {
  exactly<Equal<keyof Events, "Animal" | "JobStatus" | "tick">>();
  client.on("JobStatus", (status) => exactly<Equal<typeof status.progress, number>>());
  client.on("tick", (tick) => exactly<Equal<typeof tick, number>>());
  // @ts-expect-error no such event
  client.on("tock", () => {});
}

export function errors(error: unknown): void {
  if (isError(error, "BUDGET_SPENT")) exactly<Equal<typeof error.data, Errors["BUDGET_SPENT"]>>();
  if (isError(error, "GONE_AWAY")) exactly<Equal<typeof error.data, undefined>>();
  if (isError(error, "RATE_LIMITED")) exactly<Equal<typeof error.data.retry_after, number>>();
  if (isError(error, "INVALID_ARGUMENT")) exactly<Equal<(typeof error.detail)[number]["msg"], string>>();
  if (isError(error, "HTTP_418")) exactly<Equal<typeof error.code, "HTTP_418">>();
  // @ts-expect-error no such code
  isError(error, "SPENT_BUDGET");
}

export async function outcomes(client: Client): Promise<string> {
  const { data, error } = await safe(client.start_job("job_1"));
  if (!error) {
    exactly<Equal<typeof data, JobStarted>>();
    return "started";
  }
  exactly<Equal<typeof data, undefined>>();
  if (isError(error, "BUDGET_SPENT")) exactly<Equal<typeof error.data.left, Decimal>>();
  switch (error.code) {
    case "BUDGET_SPENT":
      return error.data.left;
    case "GONE_AWAY":
      return error.code;
    case "RATE_LIMITED":
      return `in ${error.data.retry_after} s`;
    case "INVALID_ARGUMENT":
      return error.detail.map(({ loc, msg }) => `${loc.join(".")}: ${msg}`).join();
    default: {
      const rest: StandardError = error;
      return rest.message;
    }
  }
}

export async function undeclared(client: Client): Promise<void> {
  const { error } = await safe(client.whoami());
  exactly<Equal<typeof error, StandardError | undefined>>();
  // @ts-expect-error whoami declares no such error
  if (error) void (error.code === "BUDGET_SPENT");
  const one = await safe(client.start_job("job_1"));
  // @ts-expect-error there are declared errors as well
  const rest: StandardError | undefined = one.error;
  void rest;
}

export async function streams(client: Client): Promise<void> {
  for await (const { data, error } of safe(client.chat("hi"))) {
    if (error) exactly<Equal<typeof error, StandardError>>();
    else exactly<Equal<typeof data, string>>();
  }
  for await (const step of safe(await client.tail())) if (!step.error) exactly<Equal<typeof step.data, JobStatus>>();
}

export const client = connect({ url: "https://example.org" });
