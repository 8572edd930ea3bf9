/** The close codes that this protocol names (PROTOCOL §6): from 4000 and from 4500. */
const NAMES = [
  ["going_away", "slow", "heartbeat", "hello_timeout", "identity_expired"],
  ["protocol_error", "unauthenticated", "frame_too_large", "flood"],
];

/** The silence that a client does not wait out any longer. */
export const CLOSE_HEARTBEAT = 4002;
export const CLOSE_UNAUTHENTICATED = 4501;

/** Whether the peer itself chose to end the connection with one of this protocol's codes. */
export function isOurs(code: number): boolean {
  return code >= 4000 && code < 5000;
}

/** Whether a client should connect again by itself: always, but for 4500–4999. */
export function isReconnectable(code: number): boolean {
  return !isOurs(code) || code < 4500;
}

/** The code's name, or `connection_lost` for codes that are not ours (1006 among them). */
export function closeName(code: number): string {
  const terminal = !isReconnectable(code);
  return (
    NAMES[+terminal]?.[code - (terminal ? 4500 : 4000)] ?? (terminal ? `closed_${code}` : "connection_lost")
  );
}
