/** A value that changes, as every framework can watch it. */
export interface Observable<State> {
  /** Calls `changed` after every change, never at once, until the returned function is called. */
  subscribe(changed: () => void): () => void;
  /** The value now. The same object as before unless something has changed. */
  get(): State;
}

/** Those who watch something, which is switched on for the first of them and off after the last. */
export function createWatchers(on?: () => () => void): {
  readonly subscribe: Observable<unknown>["subscribe"];
  readonly tell: () => void;
} {
  const watchers = new Set<() => void>();
  let off: (() => void) | undefined;
  return {
    subscribe(changed) {
      // Of its own, so that whoever subscribes twice leaves twice.
      const watcher = (): void => changed();
      if (watchers.size === 0) off = on?.();
      watchers.add(watcher);
      return () => {
        if (watchers.delete(watcher) && watchers.size === 0) off?.();
      };
    },
    tell() {
      for (const watcher of [...watchers]) watcher();
    },
  };
}
