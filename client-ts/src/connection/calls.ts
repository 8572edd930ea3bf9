import type { EncodedArguments } from "../arguments.js";
import { connectionLost, RpcError } from "../errors.js";
import type { CallSink } from "../ports.js";
import type { ErrorMessage, Limits } from "../wire/messages.js";
import { encodeMessage } from "../wire/messages.js";

/** How many calls may wait for their turn, or for a connection, before `TOO_MANY_CALLS`. */
export const MAX_QUEUED_CALLS = 10_000;
/** A wait in the queue longer than this is taken off the deadline that the server is told. */
const SAME_TICK_MS = 20;

/** A call in the table. `link` is 0 while it waits, then the number of its connection. */
export interface TableCall {
  readonly id: number;
  readonly name: string;
  readonly stream: boolean;
  readonly args: EncodedArguments | undefined;
  readonly timeoutMs: number;
  readonly calledAt: number;
  readonly owner: object;
  /** Undefined once the caller has its answer; the entry stays until the server has settled the id too. */
  sink: CallSink | undefined;
  link: number;
}

/** What `take` has to know of the connection. */
export interface Slot {
  readonly number: number;
  readonly same: boolean;
  readonly limits: Limits;
  /** The deadline told in hello, in milliseconds. */
  readonly helloTimeoutMs: number;
  readonly now: number;
}

/**
 * The calls of one shared connection: those that wait and those in flight. It decides, and returns what must be sent;
 * it has no clock and no socket.
 */
export class CallTable {
  private readonly waiting = { calls: new Queue<TableCall>(), streams: new Queue<TableCall>() };
  private readonly inFlight = new Map<number, TableCall>();
  private queued = 0;
  private lastId = 0;

  /** Puts a call into the queue. A full queue fails it at once. */
  add(call: Omit<TableCall, "id" | "link">): TableCall {
    const entry: TableCall = { ...call, id: this.nextId(), link: 0 };
    if (this.queued >= MAX_QUEUED_CALLS) {
      entry.sink = undefined;
      const detail = `${MAX_QUEUED_CALLS} calls wait already`;
      call.sink?.fail(new RpcError("TOO_MANY_CALLS", { status: 429, detail }));
      return entry;
    }
    this.queued++;
    this.lane(entry).push(entry);
    return entry;
  }

  /** Registers a refresh: it shares the ids of calls but none of their limits (PROTOCOL §2.5). */
  addRefresh(link: number, sink: CallSink): number {
    const id = this.nextId();
    const rest = { name: "", stream: false, args: undefined, timeoutMs: 0, calledAt: 0, owner: this };
    this.inFlight.set(id, { id, link, sink, ...rest });
    return id;
  }

  /** Hands waiting calls to a connection, as many as its limits allow, in the order in which they were made. */
  take(slot: Slot): Uint8Array[] {
    const { limits, number } = slot;
    const room = {
      calls: limits.max_calls - this.count(number, (call) => !call.stream && call.args !== undefined),
      streams: limits.max_streams - this.count(number, (call) => call.stream),
    };
    const messages: Uint8Array[] = [];
    for (;;) {
      const call = this.next(room.calls > 0, room.streams > 0);
      if (call === undefined) return messages;
      const message = encodeCall(call, slot);
      if (this.refuseLarge(call, message, limits)) continue;
      call.link = number;
      this.inFlight.set(call.id, call);
      room[call.stream ? "streams" : "calls"]--;
      call.sink?.sent({ items: limits.stream_items, bytes: limits.stream_bytes });
      messages.push(message);
    }
  }

  item(id: number, link: number, value: unknown, bytes: number): void {
    this.find(id, link)?.sink?.item(value, bytes);
  }

  /** A result, or the end of a stream. */
  done(id: number, link: number, value: unknown): void {
    this.remove(id, link)?.done(value);
  }

  error(id: number, link: number, message: ErrorMessage): void {
    this.remove(id, link)?.fail(toRpcError(message));
  }

  /** The call's message cannot be read. True if the server must be told to stop, because its stream goes on. */
  unreadable(id: number, link: number, error: Error): boolean {
    const call = this.find(id, link);
    if (call === undefined) return false;
    if (call.stream) {
      this.release(call)?.fail(error);
      return true;
    }
    this.remove(id, link)?.fail(error);
    return false;
  }

  /** Gives the caller its answer now. True if the server has the call and must be told. */
  cancel(call: TableCall, error: unknown): boolean {
    if (call.sink === undefined) return false;
    this.release(call)?.fail(error);
    if (call.link === 0) this.queued--;
    return call.link !== 0;
  }

  /** That connection is gone: what it carried will not be answered. */
  lose(link: number, reason: string): void {
    for (const call of [...this.inFlight.values()]) {
      if (call.link === link) this.remove(call.id, link)?.fail(connectionLost(reason, true));
    }
  }

  /** No connection is to be had: what waits fails. */
  failWaiting(error: unknown): void {
    for (const lane of [this.waiting.calls, this.waiting.streams]) {
      for (let call = lane.shift(); call !== undefined; call = lane.shift()) this.release(call)?.fail(error);
    }
    this.queued = 0;
  }

  /** The unsettled calls of one owner, waiting or in flight. */
  ownedBy(owner: object): TableCall[] {
    const all = [...this.waiting.calls, ...this.waiting.streams, ...this.inFlight.values()];
    return all.filter((call) => call.owner === owner && call.sink !== undefined);
  }

  /** How many ids of that connection are not settled. */
  count(link: number, counts: (call: TableCall) => boolean = () => true): number {
    let count = 0;
    for (const call of this.inFlight.values()) if (call.link === link && counts(call)) count++;
    return count;
  }

  get waits(): boolean {
    return this.queued > 0;
  }

  private next(calls: boolean, streams: boolean): TableCall | undefined {
    const call = calls ? this.head(this.waiting.calls) : undefined;
    const stream = streams ? this.head(this.waiting.streams) : undefined;
    const first = call === undefined || (stream !== undefined && stream.id < call.id) ? stream : call;
    if (first === undefined) return undefined;
    this.queued--;
    return this.lane(first).shift();
  }

  /** The first call of the lane that still wants an answer; cancelled ones were left lying. */
  private head(lane: Queue<TableCall>): TableCall | undefined {
    while (lane.first !== undefined && lane.first.sink === undefined) lane.shift();
    return lane.first;
  }

  private refuseLarge(call: TableCall, message: Uint8Array, limits: Limits): boolean {
    const most = Math.min(limits.max_message_bytes, limits.max_frame_bytes);
    if (message.length <= most) return false;
    const detail = `the call takes ${message.length} bytes, the server reads ${most}`;
    this.release(call)?.fail(new RpcError("TOO_LARGE", { status: 413, detail }));
    return true;
  }

  private find(id: number, link: number): TableCall | undefined {
    const call = this.inFlight.get(id);
    return call?.link === link ? call : undefined;
  }

  /** Takes the call out of the table before its sink hears the last word, which may make it call again. */
  private remove(id: number, link: number): CallSink | undefined {
    const call = this.find(id, link);
    if (call === undefined) return undefined;
    this.inFlight.delete(id);
    return this.release(call);
  }

  private release(call: TableCall): CallSink | undefined {
    const sink = call.sink;
    call.sink = undefined;
    return sink;
  }

  private lane(call: TableCall): Queue<TableCall> {
    return call.stream ? this.waiting.streams : this.waiting.calls;
  }

  private nextId(): number {
    do this.lastId = (this.lastId % 0xffffffff) + 1;
    while (this.inFlight.has(this.lastId));
    return this.lastId;
  }
}

/** The wire's error as the caller sees it. */
export function toRpcError(
  message: Pick<ErrorMessage, "status" | "code" | "detail" | "data" | "error_id">,
): RpcError {
  const { status, code, detail, data, error_id: id } = message;
  return new RpcError(code, { status, detail, data, ...(id !== undefined && { id }) });
}

function encodeCall(call: TableCall, { same, helloTimeoutMs, now }: Slot): Uint8Array {
  const waited = now - call.calledAt;
  // PROTOCOL §3: the deadline counts from receipt, so the time spent waiting here is taken off.
  const left = call.timeoutMs === 0 || waited < SAME_TICK_MS ? call.timeoutMs : call.timeoutMs - waited;
  const implied = call.stream ? 0 : helloTimeoutMs;
  return encodeMessage({
    kind: "call",
    id: call.id,
    name: call.name,
    ...call.args?.message(same),
    ...(left !== implied && { timeout_ms: call.timeoutMs === 0 ? 0 : Math.max(1, Math.ceil(left)) }),
  });
}

/** First in, first out, in amortised constant time. */
class Queue<T> {
  private items: T[] = [];
  private start = 0;

  get first(): T | undefined {
    return this.items[this.start];
  }

  push(item: T): void {
    this.items.push(item);
  }

  shift(): T | undefined {
    const item = this.items[this.start];
    if (item === undefined) return undefined;
    this.start++;
    if (this.start * 2 >= this.items.length) {
      this.items = this.items.slice(this.start);
      this.start = 0;
    }
    return item;
  }

  *[Symbol.iterator](): Generator<T> {
    for (let index = this.start; index < this.items.length; index++) {
      const item = this.items[index];
      if (item !== undefined) yield item;
    }
  }
}
