import type { WithOptions } from "../client.js";
import { type Origin, SCOPE } from "../methods.js";

/** What a client's method is made of; undefined for anything else. */
export function originOf(method: unknown): Origin<WithOptions> | undefined {
  return (method as { [SCOPE]?: Origin<WithOptions> })[SCOPE];
}
