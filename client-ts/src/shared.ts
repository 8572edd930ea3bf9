import { type Connection, createConnection } from "./connection/shell.js";
import type { Settings } from "./options.js";
import type { SocketConstructor } from "./ports.js";

interface Entry {
  readonly key: readonly unknown[];
  readonly connection: Connection;
  users: number;
}

const entries: Entry[] = [];

/**
 * The connection of that URL, made when nobody has one yet. Clients share it when they ask for the same identity (the
 * same `auth` function, or none) with the same contract.
 *
 * @returns the connection, and how to let go of it; the last one who does closes it
 */
export function acquire(
  url: string,
  calls: string,
  WebSocket: SocketConstructor,
  settings: Settings,
): readonly [connection: Connection, release: () => void] {
  const key = [url, calls, WebSocket, settings.auth];
  const known = entries.find((other) => other.key.every((part, index) => part === key[index]));
  const entry = known ?? {
    key,
    connection: createConnection({ ...settings, url, calls, WebSocket }),
    users: 0,
  };
  if (entry.users++ === 0) entries.push(entry);
  const release = (): void => {
    if (--entry.users > 0) return;
    entries.splice(entries.indexOf(entry), 1);
    entry.connection.close();
  };
  return [entry.connection, release];
}
