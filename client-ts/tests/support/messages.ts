import { encode, newSheet, tearOff } from "../../src/wire/codec.js";
import { readFrame } from "../../src/wire/frame.js";
import { elementsOf, writeMessage } from "../../src/wire/messages.js";

/** PROTOCOL §1's table with its names; the client itself goes by the places of the fields. */
const TABLE = {
  hello: [1, "calls", "session", "timeout_ms", "credentials", "positions"],
  welcome: [2, "session", "same", "limits", "calls"],
  call: [3, "id", "name", "args", "kwargs", "timeout_ms", "key"],
  result: [4, "id", "value"],
  item: [5, "id", "value", "position"],
  end: [6, "id"],
  error: [7, "id", "status", "code", "detail", "data", "error_id"],
  cancel: [8, "id"],
  credit: [9, "id", "items", "bytes"],
  event: [10, "name", "value", "topic", "previous", "position"],
  refresh: [11, "id", "credentials"],
  ping: [12],
  pong: [13],
  goaway: [14, "drain_ms"],
  topic: [15, "topic", "position", "recovered"],
  resume: [16, "id", "stream", "position", "procedure"],
  stream: [17, "id", "stream"],
} as const;

/** A message with its fields by name. */
export type Message =
  | {
      readonly kind: "hello";
      readonly calls?: string;
      readonly session?: string;
      readonly timeout_ms?: number;
      readonly credentials?: Readonly<Record<string, unknown>>;
      readonly positions?: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: "welcome";
      readonly session: string;
      readonly same: boolean;
      readonly limits: Readonly<Record<string, number>>;
      readonly calls?: string;
    }
  | {
      readonly kind: "call";
      readonly id: number;
      readonly name: string;
      readonly args?: readonly unknown[];
      readonly kwargs?: Readonly<Record<string, unknown>>;
      readonly timeout_ms?: number;
      readonly key?: string;
    }
  | { readonly kind: "result"; readonly id: number; readonly value: unknown }
  | { readonly kind: "item"; readonly id: number; readonly value: unknown; readonly position?: string }
  | {
      readonly kind: "resume";
      readonly id: number;
      readonly stream: string;
      readonly position?: string;
      readonly procedure?: string;
    }
  | { readonly kind: "stream"; readonly id: number; readonly stream: string }
  | { readonly kind: "end"; readonly id: number }
  | { readonly kind: "cancel"; readonly id: number }
  | {
      readonly kind: "error";
      readonly id: number | null;
      readonly status: number;
      readonly code: string;
      readonly detail: unknown;
      readonly data?: unknown;
      readonly error_id?: string;
    }
  | { readonly kind: "credit"; readonly id: number; readonly items: number; readonly bytes: number }
  | {
      readonly kind: "event";
      readonly name: string;
      readonly value: unknown;
      readonly topic?: string;
      readonly previous?: string;
      readonly position?: string;
    }
  | {
      readonly kind: "topic";
      readonly topic: string;
      readonly position?: string | null;
      readonly recovered?: boolean;
    }
  | {
      readonly kind: "refresh";
      readonly id: number;
      readonly credentials?: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: "ping" }
  | { readonly kind: "pong" }
  | { readonly kind: "goaway"; readonly drain_ms: number };

function toElements(message: Message): unknown[] {
  const [kind, ...names] = TABLE[message.kind];
  return [kind, ...names.map((name) => Reflect.get(message, name))];
}

function toMessage(elements: readonly unknown[]): Message {
  const [name, row] = Object.entries(TABLE).find(([, row]) => row[0] === elements[0]) ?? [];
  const message: Record<string, unknown> = { kind: name };
  const optional =
    "calls session timeout_ms credentials positions args kwargs data error_id topic previous position recovered key procedure".split(
      " ",
    );
  for (const [index, field] of row?.slice(1).entries() ?? []) {
    const value = elements[index + 1];
    const skipped = optional.includes(String(field)) && (value === null || value === undefined);
    if (!skipped || (name === "welcome" && field === "session")) message[String(field)] = value;
  }
  return message as unknown as Message;
}

/** In a message: 2^60 as an integer of msgpack's own, which this package's encoder does not write. */
export const BEYOND_NUMBERS = 1.25e-300;
const WRITTEN = Buffer.from(encode(BEYOND_NUMBERS));
const MEANT = Buffer.from("cf1000000000000000", "hex");

export function encodeMessage(message: Message): Uint8Array {
  const sheet = newSheet();
  writeMessage(sheet, elementsOf(...toElements(message)));
  const bytes = Buffer.from(tearOff(sheet));
  const at = bytes.indexOf(WRITTEN);
  if (at >= 0) MEANT.copy(bytes, at);
  return bytes;
}

export type Received =
  | { readonly ok: true; readonly message: Message; readonly valueBytes: number }
  | { readonly ok: false; readonly id: number | null; readonly error: Error };

/** The messages of a frame, as `readFrame` reports them. */
export function decodeFrame(
  bytes: Uint8Array,
  options: { maxDepth?: number; minId?: number } = {},
): Received[] {
  const received: Received[] = [];
  readFrame(bytes, {
    minId: 1,
    ...options,
    take: (elements, valueBytes) => received.push({ ok: true, message: toMessage(elements), valueBytes }),
    refuse: (id, error) => received.push({ ok: false, id, error }),
  });
  return received;
}
