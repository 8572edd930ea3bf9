import type { CallInfo } from "./call.js";
import { RpcError } from "./errors.js";
import { tell } from "./hooks.js";
import type { Auth, Environment, SocketConstructor } from "./ports.js";

/** The deadline of unary calls when nothing else is said, in milliseconds. */
export const DEFAULT_TIMEOUT_MS = 30_000;

/** What `onStale` is told: the hashes of both contracts' call shapes. */
export interface StaleContract {
  readonly client: string;
  readonly server: string;
}

/** What `onGap` is told: `user:ann`, `room:lobby`, `all`, or the session's own topic. */
export interface Gap {
  readonly topic: string;
}

/** How to connect. All of it is optional: without any, a page calls its own origin. */
export interface ConnectOptions {
  /** The server's base URL: http, https, ws or wss. Default: the page's own origin. */
  readonly url?: string | undefined;
  /**
   * What the server's identity loader gets as `payload`, for instance `{ token }`; null is anonymous. Called for every
   * connection, for every call over HTTP, by `reauthenticate()`, and before the identity expires. If it throws, the error
   * goes to `onError` and the client tries again.
   */
  readonly auth?: Auth | undefined;
  /** The deadline of calls that answer once, in milliseconds. Default 30,000; 0 is none. Streams have none. */
  readonly timeout?: number | undefined;
  /**
   * The WebSocket class. Default: the browser's. Outside a browser there is no default (calls go through `fetch`, so
   * that rendering on a server shares no connection between its users): give the one of Node or of the `ws` package.
   */
  readonly WebSocket?: SocketConstructor | undefined;
  /** For procedures that are HTTP only, and for all where there is no WebSocket. Default: the global one. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Errors that belong to no call: of listeners, of `auth`, of the connection. Default: `reportError` or the console. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** Told about every call when it has settled. */
  readonly onCall?: ((call: CallInfo) => void) | undefined;
  /**
   * The server's calls have other shapes than those that this client was generated from. Told once for each contract that
   * it meets, however often it connects. Calls that are still the same go on working: arguments travel by name.
   */
  readonly onStale?: ((contract: StaleContract) => void) | undefined;
  /**
   * Events are missing and cannot be had any more: the page was away for longer than they are kept, or the server lost
   * them. What depends on them has to be fetched anew. All other events arrive, each once and in order.
   */
  readonly onGap?: ((gap: Gap) => void) | undefined;
  /** Time and chance, for tests. */
  readonly environment?: Partial<Environment> | undefined;
}

/** {@link ConnectOptions} with everything decided. */
export interface Settings {
  readonly auth: Auth;
  readonly timeoutMs: number;
  readonly environment: Environment;
  readonly onError: (error: unknown) => void;
}

const anonymous = (): null => null;

const ENVIRONMENT: Environment = {
  now: () => performance.now(),
  // What timers cannot hold would fire at once.
  setTimeout: (run, ms) => setTimeout(run, Math.min(ms, 2 ** 31 - 1)),
  clearTimeout: (timer) => clearTimeout(timer as number | undefined),
  random: Math.random,
};

/** Fills in the defaults. Nothing is opened, and hooks that throw are contained. */
export function settle(options: ConnectOptions): Settings {
  const { auth = anonymous, timeout = DEFAULT_TIMEOUT_MS, environment } = options;
  const onError = (error: unknown): void => tell([options.onError ?? report], error, report);
  return {
    auth,
    timeoutMs: milliseconds(timeout),
    environment: { ...ENVIRONMENT, ...environment },
    onError,
  };
}

/** A deadline; none for 0 and what is not finite. */
export function milliseconds(timeout: number): number {
  return timeout > 0 && timeout < Infinity ? Math.ceil(timeout) : 0;
}

/** Where the WebSocket is. Undefined if that cannot be known. */
export function socketUrl(url: string | undefined, path: string): string | undefined {
  // `http` and `ws` differ in their first letters only, with and without the `s`.
  return (url ?? globalThis.location?.origin)?.replace(/^http/, "ws").replace(/\/*$/, path);
}

/** The platform's way to say that nobody caught this: `window.onerror` in browsers, the console elsewhere. */
function report(error: unknown): void {
  // What the server says without a call is no programming error of the page.
  if (typeof reportError === "function" && !(error instanceof RpcError)) reportError(error);
  else console.error(error);
}
