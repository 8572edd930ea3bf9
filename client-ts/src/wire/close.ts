/** The close codes that this protocol names (PROTOCOL §6). */
const NAMES: Readonly<Record<number, string>> = {
  4000: "going_away",
  4001: "slow",
  4002: "heartbeat",
  4003: "hello_timeout",
  4004: "identity_expired",
  4500: "protocol_error",
  4501: "unauthenticated",
  4502: "frame_too_large",
  4503: "flood",
};

export const CLOSE_HEARTBEAT = 4002;
export const CLOSE_UNAUTHENTICATED = 4501;

/** Whether it is one of this protocol's codes: then the peer itself has chosen to end the connection. */
export function isOurs(code: number): boolean {
  return code >= 4000 && code < 5000;
}

/** Whether a client should connect again by itself: always, but for 4500–4999. */
export function isReconnectable(code: number): boolean {
  return !isOurs(code) || code < 4500;
}

/** The code's name, or `connection_lost` for codes that are not ours (1006 among them). */
export function closeName(code: number): string {
  return NAMES[code] ?? (isReconnectable(code) ? "connection_lost" : `closed_${code}`);
}
