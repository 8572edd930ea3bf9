// What a connection is given, and whom it tells.
import type { RpcError } from "../errors.js";
import type { Auth, Environment, RecoveryPart, SocketConstructor, UploadPart } from "../ports.js";
import type { UpkeepPart } from "./upkeep.js";

/** What a connection needs from outside. */
export interface ConnectionOptions {
  /** A ws or wss URL. */
  readonly url: string;
  readonly WebSocket: SocketConstructor;
  /** The contract's hash of call shapes, for hello. */
  readonly calls: string;
  /** The deadline of unary calls that is told in hello, in milliseconds; 0 is none. */
  readonly timeoutMs: number;
  readonly auth: Auth;
  readonly environment: Environment;
  readonly onError: (error: unknown) => void;
  readonly uploads?: UploadPart | undefined;
  readonly recovery?: RecoveryPart | undefined;
  readonly upkeep?: UpkeepPart | undefined;
  /** Those who use it. */
  readonly listeners: Set<ConnectionListener>;
}

/** What a client hears from its connection, besides the answers to its calls. */
export interface ConnectionListener {
  event(name: string, value: unknown): void;
  /** The connection stopped for good: nothing more will come. */
  fail(error: RpcError): void;
  /** @param server the hash of the server's call shapes, if it was told because it is another one */
  stale(server: string | undefined): void;
  status(): void;
}
