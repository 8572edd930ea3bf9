import { type Connection, createConnection } from "./connection/connection.js";
import type { ConnectionListener, ConnectionOptions } from "./connection/options.js";

const entries = new Set<[options: ConnectionOptions, connection: Connection]>();

/**
 * The connection of that URL, made when nobody has one yet. Clients share it when they ask for the same identity (the
 * same `auth` function, or none) with the same contract.
 *
 * @returns the connection, and how to let go of it; the last one who does closes it
 */
export function acquire(
  options: ConnectionOptions,
  listener: ConnectionListener,
): readonly [connection: Connection, release: () => void] {
  const key = ["url", "calls", "WebSocket", "auth"] as const;
  let entry = [...entries].find(([other]) => key.every((part) => other[part] === options[part]));
  if (!entry) {
    entry = [options, createConnection(options)];
    entries.add(entry);
  }
  const [{ listeners }, connection] = entry;
  listeners.add(listener);
  const release = (): void => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      entries.delete(entry);
      connection.close();
    }
  };
  return [connection, release];
}
