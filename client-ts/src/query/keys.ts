import { keyOf } from "../ui/keys.js";
import { originOf } from "../ui/origin.js";

/** The first part of every key. */
const ROOT = "fusewire";

/**
 * The key of a procedure's queries. With leading arguments: of those that were called with them. Of a namespace
 * (`client.teams`), or of the client: all that is in it. For `invalidateQueries`, `setQueryData` and the like.
 *
 * @throws TypeError for what is no part of a client
 */
export function queryKey<Args extends readonly unknown[]>(
  method: (...args: Args) => PromiseLike<unknown>,
  args?: Partial<NoInfer<Args>>,
): readonly unknown[];
export function queryKey(part: object): readonly unknown[];
export function queryKey(part: object, args?: object): readonly unknown[] {
  const path = pathOf(part);
  if (path === undefined) throw new TypeError("not a part of a Fusewire client");
  return args === undefined ? [ROOT, ...path] : [ROOT, ...path, keyOf(args as readonly unknown[])];
}

/** Where it is in the client. A namespace does not know its name, but each of its procedures does. */
function pathOf(part: object): string[] | undefined {
  if (typeof part === "function") return originOf(part)?.[1].split(".");
  for (const key in part) {
    const value: unknown = part[key as keyof typeof part];
    if (Object(value) !== value) continue;
    const path = pathOf(value as object);
    if (path !== undefined) return path.slice(0, -1);
  }
  return undefined;
}
