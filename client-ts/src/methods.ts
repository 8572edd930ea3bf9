import type { Procedure } from "./ports.js";

/** Calls one procedure, through the face of the client that its method was read from. */
export type Invoke<Scope> = (
  scope: Scope,
  name: string,
  procedure: Procedure,
  values: readonly unknown[],
  /** Of a stream that is to go on, instead of being called. */
  id?: string,
) => unknown;

/** Where a face keeps its scope, and a method what it is made of. */
export const SCOPE = Symbol();

/** A method's scope, its wire name, and how to have it with another scope. */
export type Origin<Scope> = readonly [scope: Scope, name: string, bind: (scope: Scope) => unknown];

/**
 * The prototype of a client's faces: the procedures, namespaces as objects of their own. Each is a real method, made when
 * it is first read. There is no Proxy: a misspelt name is `undefined`, and `await client` asks for no procedure called
 * `then`.
 */
export function methodsOf<Scope>(
  procedures: Readonly<Record<string, Procedure>>,
  invoke: Invoke<Scope>,
): object {
  const namespaces: Record<string, object> = { __proto__: null as never, "": {} };

  /** Defines the last part of a dotted name on the namespace that the other parts are. */
  function define(name: string, make: (scope: Scope) => unknown): void {
    const path = name.split(".");
    const key = path.pop() as string;
    Object.defineProperty(namespace(path.join(".")), key, {
      enumerable: true,
      get() {
        return Object.defineProperty(this, key, { value: make(this[SCOPE]), enumerable: true })[key];
      },
    });
  }

  function namespace(name: string): object {
    if (!namespaces[name]) {
      namespaces[name] = {};
      define(name, (scope) => withScope(namespace(name), scope));
    }
    return namespaces[name];
  }

  for (const [name, procedure] of Object.entries(procedures)) {
    define(name, function bind(scope): unknown {
      const method = (...values: unknown[]): unknown => invoke(scope, name, procedure, values);
      return Object.assign(method, {
        [SCOPE]: [scope, name, bind] satisfies Origin<Scope>,
        resume: procedure.resume && ((id: string) => invoke(scope, name, procedure, [], id)),
      });
    });
  }
  return namespace("");
}

/** A face with these methods, which calls with that scope. */
export function withScope(prototype: object, scope: unknown): object {
  return { __proto__: prototype, [SCOPE]: scope };
}
