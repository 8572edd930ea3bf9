import { again } from "./connection/flights.js";
import type { Link } from "./connection/link.js";
import { RpcError } from "./errors.js";
import type { Call, RetryPart } from "./ports.js";
import { writeByte, writeText } from "./wire/codec.js";

/** How often a call is sent again to which no answer came. */
export const MAX_RETRIES = 3;
/** The shortest pause before the first retry over HTTP, in milliseconds. It doubles, and chance makes it up to twice as long. */
export const FIRST_PAUSE_MS = 500;

/**
 * For procedures that are `idempotent` or have `dedupe`: a call that was sent, and whose connection is lost before its
 * answer came, is sent again: on the next connection, or over HTTP after a pause. Meanwhile its deadline counts, and its
 * caller may leave.
 */
export const retrying: RetryPart = (call, transport, { now, setTimeout, clearTimeout, random }) => {
  const { fail, procedure, startedAt, timeoutMs } = call;
  let lost = 0;
  if (procedure.dedupe) name(call);

  function overHttp(): void {
    const pause = FIRST_PAUSE_MS * 2 ** (lost - 1) * (1 + random());
    const timer = setTimeout(() => {
      // PROTOCOL §8: the deadline counts from receipt.
      const left = Math.max(1, Math.ceil(startedAt + timeoutMs - now()));
      if (timeoutMs) call.headers = { ...call.headers, "fusewire-timeout": `${left}` };
      transport.start(call);
    }, pause);
    call.link = undefined;
    call.stop = () => clearTimeout(timer);
  }

  call.fail = (error, atOnce) => {
    const { link } = call;
    const known = error instanceof RpcError ? error : undefined;
    // One that was sent has a link; one that waits for a connection has none, and then there will be none.
    const isLost = known?.code === "CONNECTION_LOST" && link;
    if (isLost && !atOnce && !call.settled && lost++ < MAX_RETRIES) {
      if (transport.name === "http") return overHttp();
      if (again(link as Link, call)) return;
    }
    // Whatever came of the last attempt, one before it may have been executed.
    if (known && lost)
      error = new RpcError(known.code, { ...known, maybeExecuted: true, cause: known.cause });
    fail(error, atOnce);
  };
};

/** PROTOCOL §3: one key over all attempts, on whatever transport. */
function name(call: Call): void {
  // Not `randomUUID`, which pages without TLS do not have.
  const key = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(18))));
  call.headers = { "idempotency-key": key };
  call.seal = (elements) => {
    for (; elements < 6; elements++) writeByte(0xc0);
    writeText(key);
    return elements + 1;
  };
}
