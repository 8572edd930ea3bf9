import { byName } from "../arguments.js";
import { failure } from "../errors.js";
import type { CallRequest } from "../ports.js";
import { encode } from "../wire/codec.js";

/** What a procedure's arguments look like as an HTTP request (PROTOCOL §8). */
export interface HttpCall {
  readonly method: string;
  /** Below the API's base, with the query. */
  readonly path: string;
  readonly body: Uint8Array<ArrayBuffer> | FormData | undefined;
}

/**
 * Path, query and body of a call.
 *
 * @throws TypeError for an argument that the place where it goes cannot carry
 */
export function toHttpCall({ name, procedure, values }: CallRequest): HttpCall {
  const [method, template] = procedure.http?.split(" ") ?? [];
  if (method === undefined || template === undefined) {
    throw failure("UNKNOWN_PROCEDURE", 404, `${name} has no HTTP form`);
  }
  if (procedure.upload !== undefined)
    throw new TypeError(`${name} takes a stream (${procedure.upload}), which needs a WebSocket`);
  const rest = new Map(byName(procedure.args, values));
  const path = template.replace(/\{(\w+)(:\w+)?\}/g, (_, parameter: string, converter?: string) => {
    const value = rest.get(parameter);
    rest.delete(parameter);
    if (value === undefined) throw new TypeError(`${name} needs ${parameter}: it is a part of the path`);
    const text = encodeURIComponent(scalar(value, parameter));
    return converter === ":path" ? text.replaceAll("%2F", "/") : text;
  });
  if (method === "GET" || method === "DELETE" || method === "HEAD") {
    return { method, path: path + query(rest), body: undefined };
  }
  if (procedure.body === "form") return { method, path, body: form(rest) };
  const [first] = rest.values();
  const body = procedure.body === "single" ? first : Object.fromEntries(rest);
  return { method, path, body: body === undefined ? undefined : encode(body, name) };
}

function query(parameters: ReadonlyMap<string, unknown>): string {
  const search = new URLSearchParams();
  for (const [name, value] of parameters) {
    for (const item of Array.isArray(value) ? value : [value]) {
      // A query has no way to say null; what it leaves out takes the Python default.
      if (item !== null && item !== undefined) search.append(name, scalar(item, name));
    }
  }
  const text = search.toString();
  return text === "" ? "" : `?${text}`;
}

function form(parameters: ReadonlyMap<string, unknown>): FormData {
  const data = new FormData();
  for (const [name, value] of parameters) {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item === null || item === undefined) continue;
      if (item instanceof Blob) data.append(name, item);
      else data.append(name, scalar(item, name));
    }
  }
  return data;
}

function scalar(value: unknown, name: string): string {
  if (value instanceof Date) return value.toISOString();
  switch (typeof value) {
    case "string":
    case "number":
    case "boolean":
    case "bigint":
      return String(value);
    default:
      throw new TypeError(`cannot send this value in a URL or a form (at ${name})`);
  }
}
