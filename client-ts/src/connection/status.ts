/** Where a connection stands. */
export interface Status {
  readonly state: "disconnected" | "connecting" | "connected";
  /**
   * Why: `idle` (nothing was asked yet), `requested`, `connected`, `goaway`, `closed` (by `close()`), `restarted` (by
   * `reauthenticate()`), `auth_failed` (`auth()` threw), `connect_timeout`, `heartbeat` (the server was silent), `hole` (an
   * event is missing, and is fetched), `offline` (the platform says so), `online` and `visible` (a pause was cut short
   * by that), `connection_lost`, or the name of the server's close code (PROTOCOL §6), such as `unauthenticated`.
   */
  readonly code: string;
  /** More words, from the server or the platform; often empty. */
  readonly reason: string;
  /** How many attempts have failed in a row. */
  readonly attempt: number;
}

/** The state now, and every later one: a readable store in Svelte's sense. */
export interface StatusStore extends Status {
  /** Calls `run` with the current status at once and after every change, until the returned function is called. */
  subscribe(run: (status: Status) => void): () => void;
}
