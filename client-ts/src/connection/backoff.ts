/** The shortest wait before connecting again, in milliseconds. */
export const MIN_DELAY_MS = 500;
/** The longest one. */
export const MAX_DELAY_MS = 20_000;

/**
 * The wait before attempt number `attempt` (from 0), with full jitter: clients that lost one server together must not
 * come back together.
 *
 * @param random from 0 up to 1
 */
export function backoffMs(attempt: number, random: number): number {
  const spread = Math.min(MAX_DELAY_MS, MIN_DELAY_MS * 2 ** attempt);
  return Math.min(MAX_DELAY_MS, MIN_DELAY_MS + Math.floor(random * spread));
}
