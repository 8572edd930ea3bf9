import { writeArguments } from "../arguments.js";
import { connectionLost, toRpcError } from "../errors.js";
import type { Call, Flight, Tail } from "../ports.js";
import { readValue, seek, writeByte, writeInteger, writeRaw, writeText, written } from "../wire/codec.js";
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
  RESULT,
  STREAM,
} from "../wire/messages.js";
import { type Link, writeTo } from "./link.js";

/** Whether the server takes no more of that kind of call at the moment. */
export function isFull({ load, limits }: Link, { lane }: Call): boolean {
  return (load[lane] as number) >= (lane === 1 ? limits.max_streams : limits.max_calls);
}

/**
 * Sends something under an id of its own, which it gives back if the message cannot be written.
 *
 * @returns where in the frame the message begins
 */
export function launch(link: Link, flight: Flight, elements: () => number): number {
  const { flights, freeIds, load } = link;
  const id = freeIds.pop() ?? flights.length;
  flight.id = id;
  flight.link = link;
  flights[id] = flight;
  load[flight.lane]++;
  try {
    return writeTo(link, elements);
  } catch (error) {
    land(link, id);
    throw error;
  }
}

/** Takes it out of the table, before it hears the last word, which may make its caller call again. */
function land({ flights, freeIds, load }: Link, id: number): Flight | undefined {
  const flight = flights[id];
  if (flight) {
    flights[id] = undefined;
    freeIds.push(id);
    load[flight.lane]--;
  }
  return flight;
}

/** @param left what is left of its deadline, in milliseconds; 0 is none */
export function sendCall(link: Link, call: Call, left: number): void {
  const { tail, lane } = call;
  const at = launch(link, call, () => {
    writeByte(tail?.kind ?? CALL);
    writeInteger(call.id);
    if (tail) writeRaw(tail.bytes);
    let elements = 2 + (tail?.elements ?? writeTail(call, call.values, !!link.same));
    if (left !== (lane ? 0 : link.owner.timeoutMs)) {
      for (; elements < 5; elements++) writeByte(0xc0);
      writeInteger(left);
      elements++;
    }
    return call.seal?.(elements) ?? elements;
  });
  if (link.welcomed) {
    call.frame = link.frame;
    call.at = at;
  }
  if (lane) call.grant = (items, bytes) => writeTo(link, elementsOf(CREDIT, call.id, items, bytes));
  call.begin?.(link.limits);
}

/** @returns how many elements of the message that is */
function writeTail({ name, procedure }: Call, values: readonly unknown[], positional: boolean): number {
  writeText(name);
  return 1 + writeArguments(procedure, values, positional);
}

/** A call's name and arguments, for any server. */
export function tailOf(call: Call, values: readonly unknown[] = call.values): Tail {
  let elements = 0;
  const bytes = written(() => {
    elements = writeTail(call, values, false);
  });
  return { bytes, elements };
}

/**
 * Lets a call wait again that has certainly not been started, or may be executed twice. Its arguments are those that were sent, since the caller
 * may have changed the objects in the meantime.
 */
export function again(link: Link, flight: Flight): boolean {
  const call = flight as Call;
  const { tail, frame, begin, procedure } = call;
  // What a source gave is gone.
  if (begin) return false;
  if (!tail) {
    if (!frame?.sent) return false;
    seek(frame.sent, call.at as number);
    const [, , , args, kwargs] = readValue() as [unknown, unknown, unknown, unknown[] | null, unknown];
    call.tail = tailOf(call, [...procedure.args.map((_, index) => args?.[index]), kwargs]);
  }
  call.link = call.frame = undefined;
  if (!call.settled) link.owner.again(call);
  return true;
}

/** @returns whether the message was about a call */
export function receive(link: Link, message: Message, valueBytes: number): boolean {
  const [kind, id, value, fourth] = message as readonly [number, number, unknown, unknown];
  const flight = link.flights[id];
  if (kind === ITEM) flight?.item(value, valueBytes, fourth);
  else if (kind === STREAM) flight?.named?.(value);
  else if (kind === RESULT || kind === END) land(link, id)?.done(value);
  else if (kind === CREDIT) flight?.refill?.(value as number, fourth as number);
  else if (kind === ERROR && id !== null) {
    land(link, id);
    // A call that went before welcome could not know the limits; PROTOCOL §2.6: nor the other, that the server leaves.
    const unstarted = fourth === "TOO_MANY_CALLS" ? !flight?.frame : fourth === "UNAVAILABLE" && link.drains;
    if (flight && !(unstarted && again(link, flight))) flight.fail(toRpcError(message as ErrorMessage));
  } else return false;
  return true;
}

/** The call's message cannot be read; a stream goes on, and the server is told to stop it. */
export function unreadable(link: Link, id: number, error: Error): void {
  const flight = link.flights[id];
  if (flight?.lane === 1) writeTo(link, elementsOf(CANCEL, id));
  else land(link, id);
  flight?.fail(error);
}

/** That connection is gone: what it carried will not be answered. */
export function lose(link: Link, reason: string): void {
  for (const flight of link.flights) {
    if (!flight) continue;
    land(link, flight.id);
    if (!link.refused || !again(link, flight)) flight.fail(connectionLost(reason, true));
  }
}
