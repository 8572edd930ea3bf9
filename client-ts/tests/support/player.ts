// Takes the server's place in the conversations of tests/vectors, by the rules of the README there: what the `server`
// steps say is sent, what the `client` steps say is expected, and what a user would have done follows from those.
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { createClient, RpcError, resuming, type Stream, upkeep, uploads } from "../../src/index.js";
import type { Credentials } from "../../src/ports.js";
import { encode } from "../../src/wire/codec.js";
import { FakeClock } from "./clock.js";
import type { Message } from "./messages.js";
import { type FakeSocket, fakeSockets, settled } from "./socket.js";
import { FedSource } from "./source.js";
import { untag } from "./tagged.js";

type Part = Record<string, unknown>;

export interface Step {
  readonly client?: Part[];
  readonly server?: Part[];
  readonly close?: number;
  readonly reconnects?: boolean;
}

export interface Conversation {
  readonly number: number;
  readonly section: string;
  readonly name: string;
  readonly side?: "server" | "client" | "both";
  readonly start?: "nothing" | "connected" | "welcome";
  readonly steps: readonly Step[];
}

/** Those that a client can be played with. */
export function clientConversations(): Conversation[] {
  const file = new URL("../../../tests/vectors/conversations.json", import.meta.url);
  const all: Conversation[] = JSON.parse(readFileSync(file, "utf8"));
  return all.filter(({ side }) => side === "client" || side === "both");
}

/** The signatures of tests/conformance/app.py. */
const procedures = {
  add: { args: ["a", "b"] },
  hang: { args: [] },
  refuse: { args: ["why"] },
  whoami: { args: [] },
  announce: { args: ["text"] },
  count: { args: ["n"], stream: true },
  count_kept: { args: ["n"], stream: true, resume: resuming },
  count_then_refuse: { args: ["n"], stream: true },
  total: { args: ["items"], upload: "items" },
  scale: { args: ["factor", "items"], upload: "items" },
  first: { args: ["items"], upload: "items" },
  echo_all: { args: ["items"], upload: "items", stream: true },
} as const;
type Name = keyof typeof procedures;

const LIMITS = {
  heartbeat_ms: 25_000,
  max_message_bytes: 1_048_576,
  max_frame_bytes: 2_097_152,
  max_calls: 64,
  max_streams: 32,
  stream_items: 64,
  stream_bytes: 262_144,
};

/** What became of a call that the user made. */
interface Made {
  readonly controller: AbortController;
  readonly source: FedSource;
  readonly items: unknown[];
  readonly isRefresh: boolean;
  /** Whether the server has named it, so that it goes on when its connection is lost. */
  isNamed: boolean;
  outcome: { readonly value: unknown } | { readonly error: unknown } | undefined;
}

export class Player {
  readonly clock = new FakeClock();
  readonly errors: unknown[] = [];
  private readonly notes: unknown[] = [];
  private credentials: Credentials | null = null;
  private readonly made = new Map<number, Made>();
  private readonly uploading = new Set<number>();
  /** How many messages of the socket have been looked at. */
  private read = 0;
  /** The ids are mapped, theirs to ours: the client uses one again when it is free, the conversations do not. */
  private readonly ids = new Map<number, number>();
  private readonly free: number[] = [];
  private taken = 0;
  private readonly fake = fakeSockets();
  private readonly client = createClient<Record<Name, (...values: unknown[]) => unknown>, { Note: unknown }>(
    { calls: "hash", ws: "/_ws", api: "/api", procedures, http: () => expect.unreachable(), upkeep, uploads },
    {
      url: "ws://test",
      WebSocket: this.fake.WebSocket,
      auth: () => this.credentials,
      timeout: 0,
      environment: this.clock,
      onError: (error) => this.errors.push(error),
    },
  );

  async play({ start = "welcome", steps }: Conversation): Promise<void> {
    if (start === "welcome") {
      await this.says([{ kind: "hello" }]);
      await this.hears([{ kind: "welcome", session: "s", same: false, limits: LIMITS }]);
    }
    for (const step of steps) {
      if (step.client) await this.says(step.client);
      else if (step.server) await this.hears(step.server);
      else if (step.close !== undefined) await this.closes(step.close);
      else if (step.reconnects !== undefined) await this.reconnects(step.reconnects);
      else expect.unreachable(JSON.stringify(step));
    }
    await this.ends(steps.some(({ close }) => close !== undefined));
  }

  /** The client says this: its user is made to do it. */
  private async says(parts: readonly Part[]): Promise<void> {
    for (const part of parts) this.does(part);
    await settled();
    const said = this.socket.messages.slice(this.read);
    this.read = this.socket.messages.length;
    // Credit is compared by its sum, which is none here: nothing reads half a window.
    expect(said.filter(({ kind }) => kind !== "credit")).toHaveLength(parts.length);
    for (const [index, part] of parts.entries()) this.compare(said[index] ?? expect.unreachable(), part);
    if (parts.every(({ kind }) => kind === "call"))
      expect(this.socket.frames.at(-1)).toHaveLength(parts.length);
  }

  private compare(message: Message, { $extra: _, ...part }: Part): void {
    const expected = Object.entries(part).filter(([, value]) => !isPattern(value));
    // Empty credentials are how this client is made to send none: without any it would open a new connection.
    if (message.kind === "refresh" && part.credentials === undefined) expected.push(["credentials", {}]);
    const want = Object.fromEntries(expected.map(([key, value]) => [key, untag(value)]));
    if (message.kind === "hello") expect(message).toMatchObject(want);
    else
      expect({ ...message, ...("id" in message && { id: this.theirs(message.id as number) }) }).toEqual(want);
  }

  private theirs(id: number): number | undefined {
    return [...this.ids].filter(([, ours]) => ours === id).at(-1)?.[0];
  }

  private does(part: Part): void {
    const { kind, id } = part as { kind: string; id: number };
    const made = this.made.get(id);
    switch (kind) {
      case "hello":
        this.credentials = (part.credentials as Credentials | undefined) ?? null;
        this.client.on("Note", (note) => this.notes.push(note));
        queueMicrotask(() => queueMicrotask(() => this.socket.opened()));
        break;
      case "call":
        this.take(id);
        this.calls(id, part);
        break;
      case "item":
        made?.source.item(untag(part.value));
        break;
      case "end":
        made?.source.end();
        break;
      case "cancel":
        if (this.uploading.has(id)) made?.source.fail("the source failed");
        else made?.controller.abort("aborted");
        break;
      case "refresh":
        this.take(id);
        this.credentials = (part.credentials as Credentials | undefined) ?? {};
        this.made.set(id, this.follow(this.client.reauthenticate()));
        break;
      case "resume":
        this.take(id);
        break;
      case "pong":
        break;
      default:
        expect.unreachable(kind);
    }
  }

  /** The client takes the id that was freed last, or else the next one. */
  private take(id: number): void {
    this.ids.set(id, this.free.pop() ?? ++this.taken);
  }

  private calls(id: number, { name, args = [], kwargs = {} }: Part): void {
    const row: { args: readonly string[]; upload?: string; stream?: boolean } = procedures[name as Name];
    const made = this.follow(undefined);
    const values = row.args.map((arg, index) => {
      if (arg === row.upload) return made.source;
      return untag((args as unknown[])[index] ?? (kwargs as Record<string, unknown>)[arg]);
    });
    if (row.upload !== undefined) this.uploading.add(id);
    const result = this.client.with({ signal: made.controller.signal })[name as Name](...values);
    this.made.set(id, made);
    if (row.stream) void this.reads(made, result as Stream<unknown>);
    else void this.settles(made, result as Promise<unknown>);
  }

  private follow(result: Promise<unknown> | undefined): Made {
    const made: Made = {
      controller: new AbortController(),
      source: new FedSource(),
      items: [],
      isRefresh: result !== undefined,
      isNamed: false,
      outcome: undefined,
    };
    if (result) void this.settles(made, result);
    return made;
  }

  private async settles(made: Made, result: Promise<unknown>): Promise<void> {
    try {
      made.outcome = { value: await result };
    } catch (error) {
      made.outcome = { error };
    }
  }

  private async reads(made: Made, stream: Stream<unknown>): Promise<void> {
    const read = async (): Promise<void> => {
      for await (const item of stream) made.items.push(item);
    };
    await this.settles(made, read());
  }

  /** The server says this: the calls that it is about hear it. */
  private async hears(parts: readonly Part[]): Promise<void> {
    const before = this.notes.length;
    this.socket.receives(...parts.map((part) => this.toMessage(part)));
    await settled();
    expect(this.notes.slice(before)).toEqual(
      parts.filter(({ kind }) => kind === "event").map(({ value }) => untag(value)),
    );
    for (const part of parts) {
      const ofId = parts.filter(({ id, kind }) => id === part.id && kind === "item");
      this.heard(
        part,
        ofId.map(({ value }) => untag(value)),
      );
    }
  }

  private toMessage(part: Part): Message | Uint8Array {
    if ("$pack" in part) return encode(untag(part.$pack));
    const message = untag(Object.fromEntries(Object.entries(part).map(fill))) as Message & { id?: number };
    const changes = {
      ...("id" in message && { id: this.ours(part.id) }),
      ...(message.kind === "error" && { detail: message.detail ?? "" }),
    };
    return { ...message, ...changes } as Message;
  }

  private ours(id: unknown): number | null {
    return id === null ? null : (this.ids.get(id as number) ?? expect.unreachable(`id ${id}`));
  }

  private heard(part: Part, items: unknown[]): void {
    const [kind, id, value] = "$pack" in part ? (part.$pack as unknown[]) : [part.kind, part.id, part.value];
    const made = this.made.get(id as number);
    if (made === undefined) return;
    const { outcome } = made;
    switch (kind) {
      case 4:
      case "result":
        expect(outcome).toEqual({ value: made.isRefresh ? undefined : untag(value) });
        // A source that came to its end is not stopped.
        expect(made.source.stopped).toBe(this.uploading.has(id as number) && !made.source.ended);
        break;
      case "item":
        expect(made.items.slice(-items.length)).toEqual(items);
        break;
      case "end":
        expect(outcome).toEqual({ value: undefined });
        break;
      case "stream":
        expect(made.items).not.toContain(part.stream);
        made.isNamed = true;
        return;
      case 17:
        expect(outcome).toMatchObject({ error: { code: "MALFORMED" } });
        return;
      case "error": {
        const { code, status, data } = part;
        const error = outcome && "error" in outcome ? outcome.error : expect.unreachable("no error");
        if (code === "CANCELLED") expect(["aborted", "the source failed"]).toContain(error);
        else {
          expect(error).toBeInstanceOf(RpcError);
          expect(error).toMatchObject({ code, status, ...(data !== undefined && { data }) });
        }
      }
    }
    if (kind !== "item") this.free.push(this.ours(id) as number);
  }

  private async closes(code: number): Promise<void> {
    const open = [...this.made.values()].filter(({ isNamed, outcome }) => outcome === undefined && !isNamed);
    this.socket.closes(code);
    await settled();
    for (const { outcome } of open)
      expect(outcome).toMatchObject({ error: { code: "CONNECTION_LOST", maybeExecuted: true } });
  }

  private async reconnects(does: boolean): Promise<void> {
    const before = this.fake.sockets.length;
    this.clock.advance(60_000);
    await settled();
    expect(this.fake.sockets.length > before).toBe(does);
    expect(this.client.status.state).toBe(does ? "connecting" : "disconnected");
    if (does) {
      this.read = this.taken = 0;
      this.free.length = 0;
    }
  }

  /** What was settled was settled once, and nothing more was said. */
  private async ends(isClosed: boolean): Promise<void> {
    if (!isClosed) {
      const said = this.socket.messages.length;
      this.socket.receives({ kind: "ping" });
      await settled();
      expect(this.socket.messages.slice(said)).toEqual([{ kind: "pong" }]);
      expect(this.errors).toEqual([]);
    }
    this.client.close();
  }

  private get socket(): FakeSocket {
    return this.fake.sockets.at(-1) ?? expect.unreachable("no socket yet");
  }
}

function isPattern(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.keys(value).some((key) => /^\$(any|bind)$/.test(key))
  );
}

/** `{"$any": …}` and the like in what the server says is whatever the reader likes. */
function fill([key, value]: [string, unknown]): [string, unknown] {
  if (
    key === "limits" &&
    typeof value === "object" &&
    Object.keys(value ?? {}).some((name) => name.startsWith("$"))
  )
    return [key, LIMITS];
  return [key, isPattern(value) ? "any" : value];
}
