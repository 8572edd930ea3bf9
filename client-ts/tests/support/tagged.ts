import { readFileSync } from "node:fs";

export interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly value?: unknown;
  readonly message?: { readonly kind: string };
  readonly error?: "MALFORMED" | "TOO_LARGE";
  readonly id?: number | null;
  /** The bytes are not what an encoder would write: a longer form, or elements from the future. */
  readonly decode_only?: boolean;
}

export function readVectors(file: "codec.json" | "messages.json"): Vector[] {
  return JSON.parse(readFileSync(new URL(`../../../tests/vectors/${file}`, import.meta.url), "utf8"));
}

export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** The value that tagged JSON stands for; not for `$int`, which JavaScript's numbers do not hold. */
export function untag(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(untag);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value);
  const [[tag, text] = ["", ""]] = entries;
  if (tag === "$bytes") return fromHex(text);
  if (tag === "$date") return new Date(text);
  if (tag === "$float") return Number(text);
  if (tag === "$bigint") return BigInt(text);
  return Object.fromEntries(entries.map(([key, item]) => [key, untag(item)]));
}

/** Whether an integer is in there that JavaScript's decoder must refuse. */
export function isBeyondNumbers(value: unknown): boolean {
  return JSON.stringify(value).includes('"$int"');
}
