import type { CallInfo } from "./call.js";
import { RpcError } from "./errors.js";
import type { Credentials, Environment, SocketConstructor } from "./ports.js";

/** The deadline of unary calls when nothing else is said, in milliseconds. */
export const DEFAULT_TIMEOUT_MS = 30_000;

/** How to connect. All of it is optional: without any, a page calls its own origin. */
export interface ConnectOptions {
  /** The server's base URL: http, https, ws or wss. Default: the page's own origin. */
  readonly url?: string | undefined;
  /**
   * What the server's identity loader gets as `payload`, for instance `{ token }`; null is anonymous. Called for every
   * connection and by `reauthenticate()`. If it throws, the error goes to `onError` and the client tries again.
   */
  readonly auth?: (() => Promise<Credentials | null> | Credentials | null) | undefined;
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
  /** The server's contract is another one than this client was generated from. */
  readonly onStale?: (() => void) | undefined;
  /** Time and chance, for tests. */
  readonly environment?: Partial<Environment> | undefined;
}

/** {@link ConnectOptions} with everything decided. */
export interface Settings {
  readonly auth: () => Promise<Credentials | null> | Credentials | null;
  readonly timeoutMs: number;
  readonly WebSocket: SocketConstructor | undefined;
  readonly fetch: typeof globalThis.fetch;
  readonly onError: (error: unknown) => void;
  readonly onCall: ((call: CallInfo) => void) | undefined;
  readonly onStale: () => void;
  readonly environment: Environment;
}

const anonymous = (): null => null;

const ENVIRONMENT: Environment = {
  now: () => performance.now(),
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: (timer) => clearTimeout(timer as number | undefined),
  random: Math.random,
};

/** Fills in the defaults. Nothing is opened, and hooks that throw are contained. */
export function settle(options: ConnectOptions): Settings {
  const { auth = anonymous, timeout = DEFAULT_TIMEOUT_MS, onCall } = options;
  const onError = contained(options.onError ?? report, report);
  return {
    auth,
    timeoutMs: milliseconds(timeout),
    WebSocket: options.WebSocket ?? (globalThis.location && globalThis.WebSocket),
    // Called without a receiver: the browser's own fetch refuses any but the window.
    fetch: options.fetch ?? ((input, init) => fetch(input, init)),
    onError,
    onCall: onCall && contained(onCall, onError),
    onStale: contained<void>(options.onStale ?? anonymous, onError),
    environment: { ...ENVIRONMENT, ...options.environment },
  };
}

/** A deadline; none for 0 and what is not finite. */
export function milliseconds(timeout: number): number {
  return timeout > 0 && Number.isFinite(timeout) ? Math.ceil(timeout) : 0;
}

/** Where the WebSocket and the routes are. Undefined for a socket address that cannot be known. */
export function addresses(
  url: string | undefined,
  ws: string,
  api: string,
): { ws: string | undefined; base: string; credentials: "same-origin" | "include" } {
  // `http` and `ws` differ in their first letters only, with and without the `s`.
  const root = (url ?? globalThis.location?.origin)?.replace(/\/+$/, "").replace(/^http/, "ws");
  return {
    ws: root && root + ws,
    base: (url === undefined ? "" : (root ?? "").replace(/^ws/, "http")) + api,
    // Cookies go along for the page's own origin; for another one they must be asked for.
    credentials: url === undefined ? "same-origin" : "include",
  };
}

function contained<A>(
  hook: (argument: A) => unknown,
  onError: (error: unknown) => void,
): (argument: A) => void {
  return (argument) => {
    try {
      hook(argument);
    } catch (error) {
      onError(error);
    }
  };
}

/** The platform's way to say that nobody caught this: `window.onerror` in browsers, the console elsewhere. */
function report(error: unknown): void {
  // What the server says without a call is no programming error of the page.
  if (typeof reportError === "function" && !(error instanceof RpcError)) reportError(error);
  else console.error(error);
}
