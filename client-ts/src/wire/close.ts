/** The close codes that this protocol names (PROTOCOL §6): from 4000, and from 4500. */
const RECONNECT = ["going_away", "slow", "heartbeat", "hello_timeout", "identity_expired"];
const TERMINAL = ["protocol_error", "unauthenticated", "frame_too_large", "flood"];

export const CLOSE_HEARTBEAT = 4002;
export const CLOSE_UNAUTHENTICATED = 4501;

/** Whether it is one of this protocol's codes: then the peer itself has chosen to end the connection. */
export function isOurs(code: number): boolean {
  return code >= 4000 && code < 5000;
}

/** Whether a client should not connect again by itself. */
export function isTerminal(code: number): boolean {
  return isOurs(code) && code >= 4500;
}

/** The code's name, or `connection_lost` for codes that are not ours (1006 among them). */
export function closeName(code: number): string {
  return isTerminal(code)
    ? (TERMINAL[code - 4500] ?? `closed_${code}`)
    : (RECONNECT[code - 4000] ?? "connection_lost");
}
