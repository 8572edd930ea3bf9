import type { Procedure } from "./ports.js";

/** Calls one procedure, for the client that the method was read from. */
export type Invoke = (name: string, procedure: Procedure, values: readonly unknown[]) => unknown;

interface Tree {
  readonly procedures: Map<string, [name: string, procedure: Procedure]>;
  readonly namespaces: Map<string, Tree>;
}

/** Sorts the descriptor's dotted names into namespaces, once for a descriptor. */
export function toTree(procedures: Readonly<Record<string, Procedure>>): Tree {
  const root = newTree();
  for (const [name, procedure] of Object.entries(procedures)) {
    const path = name.split(".");
    const last = path.pop() ?? name;
    let tree = root;
    for (const part of path) {
      const inner = tree.namespaces.get(part) ?? newTree();
      tree.namespaces.set(part, inner);
      tree = inner;
    }
    tree.procedures.set(last, [name, procedure]);
  }
  return root;
}

/**
 * Puts the tree's procedures onto `target` as real methods, each made when it is first read. There is no Proxy: a
 * misspelt name is `undefined`, and `await client` asks for no procedure called `then`.
 */
export function defineMethods<Target extends object>(target: Target, tree: Tree, invoke: Invoke): Target {
  for (const [key, [name, procedure]] of tree.procedures) {
    defineLazily(target, key, () => {
      return (...values: unknown[]) => invoke(name, procedure, values);
    });
  }
  for (const [key, inner] of tree.namespaces) {
    defineLazily(target, key, () => defineMethods({}, inner, invoke));
  }
  return target;
}

function defineLazily(target: object, key: string, make: () => unknown): void {
  Object.defineProperty(target, key, {
    configurable: true,
    enumerable: true,
    get: () => {
      const value = make();
      Object.defineProperty(target, key, { value, enumerable: true });
      return value;
    },
  });
}

function newTree(): Tree {
  return { procedures: new Map(), namespaces: new Map() };
}
