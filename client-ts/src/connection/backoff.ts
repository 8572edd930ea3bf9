/** Within how many milliseconds the first attempt to connect again is made. */
export const FIRST_DELAY_MS = 300;
/** The longest wait before any attempt. */
export const MAX_DELAY_MS = 20_000;

/**
 * The wait before attempt number `attempt` (from 0), with full jitter: anything from nothing to a bound that doubles.
 * Clients that lost one server together must not come back together.
 *
 * @param random from 0 up to 1
 */
export function backoffMs(attempt: number, random: number): number {
  return Math.floor(random * Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt));
}
