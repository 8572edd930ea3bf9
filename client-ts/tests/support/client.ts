import { WebSocket } from "ws";
import {
  type ConnectOptions,
  createClient,
  type FuseClient,
  type Resumable,
  type ResumableStream,
  recovery,
  resuming,
  retrying,
  type Stream,
  type Upload,
  upkeep,
  uploads,
} from "../../src/index.js";
import { FakeClock } from "./clock.js";
import type { ScriptedServer } from "./server.js";

export interface Procedures {
  add(a: number, b: number): Promise<number>;
  start_job(job_id: string, options?: { dry_run?: boolean }): Promise<{ started: boolean }>;
  optional(a?: number, b?: number, c?: number): Promise<unknown>;
  echo(value: unknown): Promise<unknown>;
  chat(prompt: string): Stream<string>;
  numbers(): Stream<unknown>;
  story: Resumable<(length: number) => ResumableStream<unknown>>;
  teams: { rename(team_id: number, name: string): Promise<string> };
  collect(name: string, chunks: Upload<unknown>): Promise<unknown>;
  pipe(chunks: Upload<unknown>, options?: { upper?: boolean }): Stream<unknown>;
  put(key: string, value: unknown): Promise<unknown>;
  pay(order: string, lines?: unknown): Promise<unknown>;
  login(name: string, password: string): Promise<string>;
  avatar(file: Blob, note?: string): Promise<unknown>;
}

export interface Events {
  JobStatus: { job_id: string; progress: number };
  Tick: number;
}

export const descriptor = {
  http: () => import("../../src/transports/http.js"),
  recovery,
  upkeep,
  uploads,
  calls: "0123456789abcdef",
  ws: "/_ws",
  api: "/api",
  procedures: {
    add: { args: ["a", "b"], http: "POST /add" },
    start_job: { args: ["job_id"], http: "POST /jobs/{job_id}/start" },
    optional: { args: ["a", "b", "c"], http: "GET /optional" },
    echo: { args: ["value"], http: "POST /echo", body: "single" },
    chat: { args: ["prompt"], http: "POST /chat", stream: true },
    numbers: { args: [], http: "POST /numbers", stream: true },
    story: { args: ["length"], http: "POST /story", stream: true, resume: resuming },
    "teams.rename": { args: ["team_id", "name"], http: "POST /rename" },
    collect: { args: ["name", "chunks"], http: "POST /collect", upload: "chunks" },
    pipe: { args: ["chunks"], http: "POST /pipe", upload: "chunks", stream: true },
    put: { args: ["key", "value"], http: "PUT /items/{key}", retry: retrying },
    pay: { args: ["order", "lines"], http: "POST /pay", retry: retrying, dedupe: true },
    login: { args: ["name", "password"], http: "POST /login", via: "http" },
    avatar: { args: ["file", "note"], http: "POST /avatar", via: "http", body: "form" },
  },
} as const;

export type TestClient = FuseClient<Procedures, Events>;

/** A client of the scripted server, on a clock of its own. */
export function clientOf(
  server: ScriptedServer,
  options: Partial<ConnectOptions> = {},
): { client: TestClient; clock: FakeClock; errors: unknown[] } {
  const clock = new FakeClock();
  const errors: unknown[] = [];
  const client = createClient<Procedures, Events>(descriptor, {
    url: server.url,
    WebSocket,
    environment: clock,
    onError: (error) => errors.push(error),
    ...options,
  });
  return { client, clock, errors };
}

/** Connects the client, so that what it does next is done on a connection that was welcomed. */
export async function connect(client: TestClient): Promise<void> {
  client.on("Tick", () => undefined);
  await until(() => client.status.state === "connected");
}

/** Until `condition` holds, polling the event loop; the test's own time limit bounds it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
