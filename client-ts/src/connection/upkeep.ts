import type { Auth, Credentials, Environment } from "../ports.js";
import { CLOSE_HEARTBEAT } from "../wire/close.js";
import { elementsOf, PING, REFRESH } from "../wire/messages.js";
import { backoffMs } from "./backoff.js";
import { launch } from "./flights.js";
import { type Link, writeTo } from "./link.js";

/** How long before an identity expires another one is asked for, at most, in milliseconds; or a fifth of its life. */
export const REFRESH_BEFORE_MS = 60_000;
/** How long a server has to answer when a page comes back to it, in milliseconds. */
export const PROBE_MS = 4_000;

/** What upkeep is given of its connection. */
interface Kept {
  readonly auth: Auth;
  readonly environment: Environment;
  readonly onError: (error: unknown) => void;
  link(): Link | undefined;
  /** Gives up the link, and connects again after a pause. */
  retry(link: Link, code: string, reason: string, close?: number): void;
  /** Ends the pause, if there is one. */
  awake(why: { readonly type: string }): void;
  /** Connects anew, and resolves when that is welcomed. */
  restart(): Promise<void>;
  reauthenticate(): Promise<void>;
}

/** Keeps a connection fit for its page and its user. */
export type UpkeepPart = (connection: Kept) => {
  /**
   * The status is to change.
   *
   * @returns the code to tell: the same, or one that says more
   */
  told(code: string): string;
  /** Asks for credentials, and tells them on the live connection (PROTOCOL §2.5). */
  renew(link: Link): Promise<void>;
};

/**
 * Asks for credentials before the old ones expire, so that no call is cut off by that; looks after the connection when the
 * page is shown again, and when the network goes or comes back. Where there is no page, it does the former alone.
 */
export const upkeep: UpkeepPart = ({ auth, environment, onError, ...connection }) => {
  const { now, setTimeout, clearTimeout, random } = environment;
  let dueAt = 0;
  let failures = 0;
  let renewal: unknown;
  let probe: unknown;

  function expires(link: Link, ms: unknown): void {
    clearTimeout(renewal);
    if (typeof ms !== "number") return;
    failures = 0;
    // Those who came back together do not ask together.
    dueAt = now() + ms - Math.min(ms / 5, REFRESH_BEFORE_MS) * (1 - random() / 2);
    wait(link);
  }

  /** In steps: a timer holds no more than 25 days. */
  function wait(link: Link): void {
    renewal = setTimeout(() => (now() < dueAt ? wait(link) : void refreshInTime(link)), dueAt - now());
  }

  async function refreshInTime(link: Link): Promise<void> {
    try {
      const credentials = await auth();
      // Who has none is known by cookies, which are the next handshake's.
      if (credentials) await refresh(link, credentials);
    } catch (error) {
      // The connection that follows has asked anew; one whose identity was refused is closed.
      if (link !== connection.link() || (error as { code?: unknown })?.code === "UNAUTHENTICATED") return;
      onError(error);
      dueAt = now() + backoffMs(failures++, random());
      wait(link);
    }
  }

  function refresh(link: Link, credentials: Credentials): Promise<void> {
    return new Promise((resolve, fail) => {
      const done = (expiresMs: unknown): void => {
        if (link === connection.link()) expires(link, expiresMs);
        resolve();
      };
      const flight = { id: 0, link, lane: 2 as const, item() {}, done, fail };
      launch(link, flight, () => elementsOf(REFRESH, flight.id, credentials)());
    });
  }

  /** A device that has slept, or changed networks, may have lost its connection without a word. */
  function check(link: Link): void {
    const askedAt = now();
    writeTo(link, elementsOf(PING));
    probe ??= setTimeout(() => {
      probe = undefined;
      if (link.heardAt < askedAt) connection.retry(link, "heartbeat", "silent", CLOSE_HEARTBEAT);
    }, PROBE_MS);
  }

  function changed({ type }: { readonly type: string }): void {
    const link = connection.link();
    if (type === "offline") {
      if (link?.socket) connection.retry(link, type, "");
    } else if (!globalThis.document?.hidden) {
      if (link?.welcomed) check(link);
      else connection.awake({ type: type === "online" ? type : "visible" });
    }
  }

  const changes = ["offline", "online", "pageshow", "visibilitychange"];
  for (const type of changes) globalThis.addEventListener?.(type, changed);

  return {
    told(code) {
      const link = connection.link();
      clearTimeout(renewal);
      clearTimeout(probe);
      probe = undefined;
      if (link?.welcomed) expires(link, link.limits.expires_ms);
      if (code === "closed") for (const type of changes) globalThis.removeEventListener?.(type, changed);
      // Attempts go on: what a platform calls offline may still reach a server of its own.
      return code === "connection_lost" && globalThis.navigator?.onLine === false ? "offline" : code;
    },
    async renew(link) {
      const credentials = await auth();
      // While `auth` ran the connection may have gone; the next hello asks it again.
      if (link !== connection.link()) return connection.reauthenticate();
      return credentials ? refresh(link, credentials) : connection.restart();
    },
  };
};
