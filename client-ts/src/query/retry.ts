import { RpcError } from "../errors.js";

/** How often a query that failed is made again. */
export const MAX_RETRIES = 3;

/**
 * For `new QueryClient({ defaultOptions: { queries: { retry } } })`: tries again, three times, what another attempt may
 * mend (the server is away or has too much to do). A refusal, a declared error or a bug stays what it is, and is shown
 * at once.
 */
export function retry(failureCount: number, error: unknown): boolean {
  const mayPass = error instanceof RpcError && [502, 503, 504].includes(error.status);
  return mayPass && failureCount < MAX_RETRIES;
}
