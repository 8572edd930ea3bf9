import { byName, writeArguments } from "../arguments.js";
import { connectionLost, failure, toRpcError } from "../errors.js";
import type { Answerable, Call, Credentials, Environment } from "../ports.js";
import {
  fill,
  newSheet,
  out,
  type Sheet,
  tearOff,
  writeByte,
  writeInteger,
  writeNamed,
  writeRaw,
  writeText,
} from "../wire/codec.js";
import {
  CALL,
  CANCEL,
  CREDIT,
  END,
  ERROR,
  type ErrorMessage,
  elementsOf,
  ITEM,
  type Message,
  REFRESH,
  RESULT,
} from "../wire/messages.js";
import { type Link, writeTo } from "./link.js";
import type { ConnectionState } from "./reducer.js";
import { openUpload } from "./upload.js";

/** How many calls may wait for their turn, or for a connection, before `TOO_MANY_CALLS`. */
export const MAX_QUEUED_CALLS = 10_000;
/** How much may be sent before welcome, in bytes: half of what PROTOCOL §2.2 lets a server hold, and of a first frame. */
const MAX_HELD_BYTES = 32_768;
/** A wait longer than this is taken off the deadline that the server is told. */
const SAME_TICK_MS = 20;

/** What the table has to know of the connection's state. */
export type Terms = Pick<ConnectionState, "same" | "limits">;

/** The calls of one shared connection: those that wait, and those in flight on its links. */
export interface CallTable {
  /**
   * Sends a call, or lets it wait for its turn, or for a welcome.
   *
   * @throws TypeError, RangeError or RpcError for a call that cannot be sent
   */
  start(call: Call, link: Link | undefined, terms: Terms): void;
  /** Whether calls wait. */
  waits(): boolean;
  /** Sends waiting calls, as many as the limits allow, in the order in which they were made. */
  sendWaiting(link: Link, terms: Terms): void;
  /** Sends new credentials: they share the ids of calls but none of their limits (PROTOCOL §2.5). */
  refresh(flight: Answerable, link: Link, credentials: Credentials): void;
  /** The server has told the limits: they count for what was sent before, too. */
  welcome(link: Link, terms: Terms): void;
  /** @returns whether the message was about a call */
  receive(link: Link, message: Message, valueBytes: number): boolean;
  /** The call's message cannot be read; a stream goes on, and the server is told to stop it. */
  unreadable(link: Link, id: number, error: Error): void;
  /** The caller has its answer. The entry stays until the server has settled the id too. */
  cancel(call: Call): void;
  /** That connection is gone: what it carried will not be answered. */
  lose(link: Link, reason: string): void;
  /** No connection is to be had: what waits fails. */
  failWaiting(error: unknown): void;
}

/**
 * @param timeoutMs the deadline told in hello
 * @param onWritten a link has something to send
 */
export function createTable({ now }: Environment, timeoutMs: number, onWritten: () => void): CallTable {
  const waiting = new Set<Call>();
  /** What is in flight, by id. Ids are used again, so that they stay small on the wire. */
  const flights: (Answerable | undefined)[] = [undefined];
  const freeIds: number[] = [];

  function isFull({ load }: Link, { lane }: Call, { limits }: Terms): boolean {
    return (load[lane] as number) >= (lane === 1 ? limits.max_streams : limits.max_calls);
  }

  function write(link: Link, elements: () => number): void {
    writeTo(link, elements);
    onWritten();
  }

  /** Gives it an id, and takes that back if its message cannot be written. */
  function launch(flight: Answerable, link: Link, elements: () => number): void {
    const id = freeIds.pop() ?? flights.length;
    flight.id = id;
    flight.link = link;
    flights[id] = flight;
    link.load[flight.lane]++;
    try {
      write(link, elements);
    } catch (error) {
      land(flight);
      throw error;
    }
  }

  /** Takes it out of the table, before it hears the last word, which may make its caller call again. */
  function land(flight: Answerable | undefined): Answerable | undefined {
    if (flight !== undefined) {
      flights[flight.id] = undefined;
      freeIds.push(flight.id);
      (flight.link as Link).load[flight.lane]--;
    }
    return flight;
  }

  function find(link: Link, id: unknown): Answerable | undefined {
    const flight = flights[id as number];
    return flight?.link === link ? flight : undefined;
  }

  function send(call: Call, link: Link, { limits, same }: Terms): void {
    launch(call, link, () => {
      writeByte(CALL);
      writeInteger(call.id);
      return writeDeadline(call, 2 + writeTail(call, same));
    });
    if (link.welcomed) call.tail = undefined;
    call.window = limits;
    if (call.lane === 1)
      call.grant = (items, bytes) => write(link, elementsOf(CREDIT, call.id, items, bytes));
    call.begin?.(limits);
  }

  /** @returns how many elements the message has with it */
  function writeDeadline({ request, startedAt, lane, tail }: Call, elements: number): number {
    // PROTOCOL §3: the deadline counts from receipt, so the time spent waiting here is taken off.
    const waited = request.timeoutMs > 0 && tail !== undefined ? now() - startedAt : 0;
    const left =
      waited < SAME_TICK_MS ? request.timeoutMs : Math.max(1, Math.ceil(request.timeoutMs - waited));
    if (left === (lane === 1 ? 0 : timeoutMs)) return elements;
    for (; elements < 5; elements++) writeByte(0xc0);
    writeInteger(left);
    return 6;
  }

  function prepareUpload(call: Call, name: string): void {
    const { procedure, values } = call.request;
    const send = (elements: () => number): void => write(call.link as Link, elements);
    const upload = openUpload(new Map(byName(procedure.args, values)).get(name) ?? [], {
      item(value) {
        let bytes = 0;
        send(() => {
          writeByte(ITEM);
          writeInteger(call.id);
          const { at } = out as Sheet;
          writeNamed(value, name);
          bytes = (out as Sheet).at - at;
          return 3;
        });
        return bytes;
      },
      end: () => send(elementsOf(END, call.id)),
      fail: call.cancel,
    });
    call.begin = upload.start;
    call.refill = upload.refill;
    call.stop = upload.stop;
  }

  /** Lets a call wait again that has certainly not been started. */
  function again(flight: Answerable | undefined): boolean {
    if (flight?.tail === undefined) return false;
    const call = flight as Call;
    call.window = undefined;
    if (!call.settled) waiting.add(call);
    return true;
  }

  return {
    start(call, link, terms) {
      const { upload } = call.request.procedure;
      if (upload !== undefined) prepareUpload(call, upload);
      // A getter of an argument may make a call in the middle of another call's message.
      if (link && !isFull(link, call, terms) && out === undefined && !waiting.size)
        return send(call, link, terms);
      if (waiting.size >= MAX_QUEUED_CALLS)
        throw failure("TOO_MANY_CALLS", 429, `${MAX_QUEUED_CALLS} calls wait already`);
      const sheet = newSheet();
      let elements = 0;
      fill(sheet, () => {
        elements = writeTail(call, false);
      });
      call.tail = { bytes: tearOff(sheet), elements };
      waiting.add(call);
    },
    waits: () => waiting.size > 0,
    sendWaiting(link, terms) {
      for (const call of waiting) {
        if (isFull(link, call, terms)) continue;
        if (!link.welcomed) {
          link.heldBytes += call.tail?.bytes.length ?? 0;
          if (call.begin || link.heldBytes > MAX_HELD_BYTES) return;
        }
        waiting.delete(call);
        try {
          send(call, link, terms);
        } catch (error) {
          call.fail(error);
        }
      }
    },
    refresh(flight, link, credentials) {
      launch(flight, link, () => elementsOf(REFRESH, flight.id, credentials)());
    },
    welcome(link, { limits }) {
      for (const flight of flights) if (flight?.link === link) (flight as Call).window = limits;
    },
    receive(link, message, valueBytes) {
      const [kind, id, value] = message;
      if (kind === ITEM) find(link, id)?.item(value, valueBytes);
      else if (kind === RESULT || kind === END) land(find(link, id))?.done(value);
      else if (kind === CREDIT) find(link, id)?.refill?.(value as number, message[3] as number);
      else if (kind === ERROR && id !== null) {
        const flight = land(find(link, id));
        // A call that went before welcome could not know the limits; it was not started.
        if (message[3] !== "TOO_MANY_CALLS" || !again(flight))
          flight?.fail(toRpcError(message as ErrorMessage));
      } else return false;
      return true;
    },
    unreadable(link, id, error) {
      const flight = find(link, id);
      if (flight?.lane === 1) write(link, elementsOf(CANCEL, id));
      else land(flight);
      flight?.fail(error);
    },
    cancel(call) {
      if (!waiting.delete(call) && flights[call.id] === call)
        write(call.link as Link, elementsOf(CANCEL, call.id));
    },
    lose(link, reason) {
      for (const flight of flights) {
        if (flight?.link !== link) continue;
        land(flight);
        if (!link.refused || !again(flight)) flight.fail(connectionLost(reason, true));
      }
    },
    failWaiting(error) {
      for (const call of waiting) {
        waiting.delete(call);
        call.fail(error);
      }
    },
  };
}

/** Writes a call's name and arguments. @returns how many elements of the message that is */
function writeTail({ request: { name, procedure, values }, tail }: Call, positional: boolean): number {
  if (tail !== undefined) writeRaw(tail.bytes);
  else writeText(name);
  return tail?.elements ?? 1 + writeArguments(procedure, values, positional);
}
