/** The close codes that the client itself acts on (PROTOCOL §6). Of the others the name is all that it needs. */
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

/** The code's name, which comes as the reason; `connection_lost` for codes that are not ours (1006 among them). */
export function closeName(code: number, reason: string): string {
  return isOurs(code) ? reason || `closed_${code}` : "connection_lost";
}
