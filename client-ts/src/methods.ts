import type { Procedure } from "./ports.js";

/** Calls one procedure, through the face of the client that its method was read from. */
export type Invoke<Scope> = (
  scope: Scope,
  name: string,
  procedure: Procedure,
  values: readonly unknown[],
) => unknown;

/** Where a face keeps its scope. */
const SCOPE = Symbol();
type Face = { readonly [SCOPE]?: unknown };

/**
 * Puts the procedures onto `target`, the prototype of a client's faces, namespaces as objects of their own. Each is a
 * real method, made when it is first read. There is no Proxy: a misspelt name is `undefined`, and `await client` asks
 * for no procedure called `then`.
 */
export function defineMethods<Scope>(
  target: object,
  procedures: Readonly<Record<string, Procedure>>,
  invoke: Invoke<Scope>,
): void {
  const namespaces = new Map([["", target]]);
  const within = (path: readonly string[]): object => {
    const name = path.join(".");
    let namespace = namespaces.get(name);
    if (namespace === undefined) {
      const prototype = {};
      namespace = prototype;
      namespaces.set(name, prototype);
      defineLazily(within(path.slice(0, -1)), path.at(-1) as string, (scope) => withScope(prototype, scope));
    }
    return namespace;
  };
  for (const [name, procedure] of Object.entries(procedures)) {
    const path = name.split(".");
    const last = path.pop() as string;
    defineLazily(within(path), last, (scope) => {
      return (...values: unknown[]) => invoke(scope as Scope, name, procedure, values);
    });
  }
}

/** A face with these methods, which calls with that scope. */
export function withScope<Target extends object>(prototype: Target, scope: unknown): Target {
  return Object.create(prototype, { [SCOPE]: { value: scope } });
}

function defineLazily(prototype: object, key: string, make: (scope: unknown) => unknown): void {
  Object.defineProperty(prototype, key, {
    enumerable: true,
    get(this: Face) {
      const value = make(this[SCOPE]);
      Object.defineProperty(this, key, { value, enumerable: true });
      return value;
    },
  });
}
