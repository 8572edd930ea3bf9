/** The close codes that this protocol names (PROTOCOL §6). */
export const CLOSE = {
  going_away: 4000,
  slow: 4001,
  heartbeat: 4002,
  hello_timeout: 4003,
  identity_expired: 4004,
  protocol_error: 4500,
  unauthenticated: 4501,
  frame_too_large: 4502,
  flood: 4503,
} as const;

const NAMES = new Map<number, string>(Object.entries(CLOSE).map(([name, code]) => [code, name]));

/** Whether a client should connect again by itself: always, but for 4500–4999. */
export function reconnectable(code: number): boolean {
  return code < 4500 || code > 4999;
}

/** The code's name, or `connection_lost` for codes that are not ours (1006 among them). */
export function closeName(code: number): string {
  return NAMES.get(code) ?? (reconnectable(code) ? "connection_lost" : `closed_${code}`);
}
