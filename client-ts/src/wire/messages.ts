import { encode } from "./codec.js";

/** The limits in force on a connection, told in welcome (PROTOCOL §2). Milliseconds, bytes and counts, as named. */
export interface Limits {
  readonly heartbeat_ms: number;
  readonly max_message_bytes: number;
  readonly max_frame_bytes: number;
  readonly max_calls: number;
  readonly max_streams: number;
  readonly stream_items: number;
  readonly stream_bytes: number;
}

export interface Hello {
  readonly kind: "hello";
  readonly calls?: string;
  readonly session?: string;
  readonly timeout_ms?: number;
  readonly credentials?: Readonly<Record<string, unknown>>;
}
export interface Welcome {
  readonly kind: "welcome";
  readonly session: string;
  readonly same: boolean;
  readonly limits: Readonly<Record<string, number>>;
}
export interface Call {
  readonly kind: "call";
  readonly id: number;
  readonly name: string;
  readonly args?: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
  readonly timeout_ms?: number;
}
export interface Result {
  readonly kind: "result";
  readonly id: number;
  readonly value: unknown;
}
export interface Item {
  readonly kind: "item";
  readonly id: number;
  readonly value: unknown;
}
export interface End {
  readonly kind: "end";
  readonly id: number;
}
export interface ErrorMessage {
  readonly kind: "error";
  readonly id: number | null;
  readonly status: number;
  readonly code: string;
  readonly detail: unknown;
  readonly data?: unknown;
  readonly error_id?: string;
}
export interface Cancel {
  readonly kind: "cancel";
  readonly id: number;
}
export interface Credit {
  readonly kind: "credit";
  readonly id: number;
  readonly items: number;
  readonly bytes: number;
}
export interface Event {
  readonly kind: "event";
  readonly name: string;
  readonly value: unknown;
}
export interface Refresh {
  readonly kind: "refresh";
  readonly id: number;
  readonly credentials?: Readonly<Record<string, unknown>>;
}
export interface Ping {
  readonly kind: "ping";
}
export interface Pong {
  readonly kind: "pong";
}
export interface Goaway {
  readonly kind: "goaway";
  readonly drain_ms: number;
}

/** Every message of PROTOCOL §1; `kind` tells them apart, the fields are named as there. */
export type Message =
  | Hello
  | Welcome
  | Call
  | Result
  | Item
  | End
  | ErrorMessage
  | Cancel
  | Credit
  | Event
  | Refresh
  | Ping
  | Pong
  | Goaway;

type Kind = Message["kind"];
type Check = (value: unknown) => boolean;
interface Field {
  readonly name: string;
  readonly check: Check;
  readonly optional: boolean;
}

const isText: Check = (value) => typeof value === "string";
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isId: Check = (value) => isCount(value) && (value as number) < 2 ** 32;
const isMap: Check = (value) =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Date) &&
  !(value instanceof Uint8Array);
const CHECKS: Readonly<Record<string, Check>> = {
  text: isText,
  count: isCount,
  id: isId,
  "id|nil": (value) => value === null || isId(value),
  bool: (value) => typeof value === "boolean",
  list: Array.isArray,
  map: isMap,
  limits: (value) => isMap(value) && Object.values(value as object).every(Number.isSafeInteger),
  any: () => true,
};

/** PROTOCOL §1's table. `?` marks what may be left out from the right, or be nil in the middle. */
const TABLE: Readonly<Record<Kind, readonly [number, string]>> = {
  hello: [1, "calls:text? session:text? timeout_ms:count? credentials:map?"],
  welcome: [2, "session:text same:bool limits:limits"],
  call: [3, "id:id name:text args:list? kwargs:map? timeout_ms:count?"],
  result: [4, "id:id value:any"],
  item: [5, "id:id value:any"],
  end: [6, "id:id"],
  error: [7, "id:id|nil status:count code:text detail:any data:any? error_id:text?"],
  cancel: [8, "id:id"],
  credit: [9, "id:id items:count bytes:count"],
  event: [10, "name:text value:any"],
  refresh: [11, "id:id credentials:map?"],
  ping: [12, ""],
  pong: [13, ""],
  goaway: [14, "drain_ms:count"],
};

interface Shape {
  readonly kind: Kind;
  readonly number: number;
  readonly fields: readonly Field[];
}

function compile([kind, [number, text]]: [string, readonly [number, string]]): Shape {
  const fields = text.split(" ").flatMap((field): Field[] => {
    const [name = "", type = ""] = field.split(":");
    const check = CHECKS[type.replace("?", "")];
    return check === undefined ? [] : [{ name, check, optional: type.endsWith("?") }];
  });
  return { kind: kind as Kind, number, fields };
}

const SHAPES = /* @__PURE__ */ Object.entries(TABLE).map(compile);
const BY_KIND = /* @__PURE__ */ new Map(SHAPES.map((shape) => [shape.kind, shape]));
const BY_NUMBER = /* @__PURE__ */ new Map<unknown, Shape>(SHAPES.map((shape) => [shape.number, shape]));

/** The message as msgpack; optional fields at the end that are absent are left out. */
export function encodeMessage(message: Message): Uint8Array {
  const shape = BY_KIND.get(message.kind);
  if (shape === undefined) throw new TypeError(`no message of kind ${message.kind}`);
  const source = message as unknown as Readonly<Record<string, unknown>>;
  const fields: unknown[] = shape.fields.map((field) => source[field.name]);
  while (fields.length > 0 && fields.at(-1) === undefined) fields.pop();
  return encode([shape.number, ...fields.map((value) => (value === undefined ? null : value))]);
}

/**
 * The message that these array elements are, or undefined if they are none of PROTOCOL §1's shapes. Elements behind
 * the last known field are ignored: they are how the protocol grows.
 *
 * @param minId 1 on a connection; over HTTP the messages of a stream carry id 0 (PROTOCOL §8)
 */
export function toMessage(elements: readonly unknown[], minId = 1): Message | undefined {
  const shape = BY_NUMBER.get(elements[0]);
  if (shape === undefined) return undefined;
  const message: Record<string, unknown> = { kind: shape.kind };
  for (const [index, field] of shape.fields.entries()) {
    const value = elements[index + 1];
    if (field.optional && (value === undefined || value === null)) continue;
    if (value === undefined || !field.check(value)) return undefined;
    if (field.name === "id" && value !== null && (value as number) < minId) return undefined;
    message[field.name] = value;
  }
  return Object.freeze(message) as unknown as Message;
}

/** The id among the elements of a message that is wrong otherwise, so that its failure can be contained to that call. */
export function usableId(elements: readonly unknown[], minId = 1): number | null {
  const id = elements[1];
  const hasId = BY_NUMBER.get(elements[0])?.fields[0]?.name === "id";
  return hasId && isId(id) && (id as number) >= minId ? (id as number) : null;
}
