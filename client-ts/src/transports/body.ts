import type { CallRequest } from "../ports.js";
import type { HttpTools } from "./tools.js";

/** What a procedure's arguments look like as an HTTP request (PROTOCOL §8). */
export interface HttpCall {
  readonly method: string;
  /** Below the API's base, with the query. */
  readonly path: string;
  readonly body: Uint8Array<ArrayBuffer> | FormData | null;
}

/**
 * Path, query and body of a call.
 *
 * @throws TypeError for an argument that the place where it goes cannot carry
 */
export function toHttpCall(
  { name, procedure, values }: CallRequest,
  { RpcError, byName, encode }: HttpTools,
): HttpCall {
  const { http, args, upload, body } = procedure;
  if (http === undefined)
    throw new RpcError("UNKNOWN_PROCEDURE", { status: 404, detail: `${name} has no HTTP form` });
  if (upload !== undefined)
    throw new TypeError(`${name} takes a stream (${upload}), which needs a WebSocket`);
  const [method, template] = http.split(" ") as [string, string];
  const rest = new Map(byName(args, values));
  const path = template.replace(/\{(\w+)(:path)?.*?\}/g, (_, parameter: string, isPath?: string) => {
    const text = encodeURIComponent(scalar(rest.get(parameter), parameter));
    rest.delete(parameter);
    return isPath ? text.replaceAll("%2F", "/") : text;
  });
  if (/^(GET|DELETE|HEAD)$/.test(method)) {
    const query = String(append(new URLSearchParams(), rest));
    return { method, path: path + (query && `?${query}`), body: null };
  }
  if (body === "form") return { method, path, body: append(new FormData(), rest) };
  const value = body === "single" ? [...rest.values()][0] : Object.fromEntries(rest);
  return { method, path, body: value === undefined ? null : encode(value, name) };
}

/** Neither has a way to say null; what is left out takes the Python default. A model is its fields. */
function append<Target extends URLSearchParams | FormData>(
  target: Target,
  parameters: Iterable<[name: string, value: unknown]>,
): Target {
  for (const [name, value] of parameters)
    for (const item of [value].flat() as unknown[])
      if (item != null) {
        const isFile = item instanceof Blob && target instanceof FormData;
        if (item.constructor === Object) append(target, Object.entries(item));
        else (target as FormData).append(name, isFile ? item : scalar(item, name));
      }
  return target;
}

function scalar(value: unknown, name: string): string {
  if (value instanceof Date) return value.toISOString();
  // Base64, without the slash that would divide a path.
  if (value instanceof Uint8Array) return btoa(String.fromCharCode(...value)).replaceAll("/", "_");
  if (/string|number|boolean|bigint/.test(typeof value)) return String(value);
  throw new TypeError(`cannot send ${typeof value} in a URL or a form (at ${name})`);
}
