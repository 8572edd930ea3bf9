import { RpcError } from "@fusewire/client";
import { client } from "$lib/client";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5_000;

/** For the status line: the backend has not answered the first question yet. */
export const beginning = $state({ waiting: false });

let begun: Promise<string> | undefined;

/**
 * Makes this browser known to the backend, once per page, and gives the user's id. Everything that opens the socket waits for it, so
 * that the socket is opened with the cookie. A backend that is not there yet is waited for; a refusal is thrown, and tried anew.
 */
export function session(): Promise<string> {
  begun ??= begin().catch((error: unknown) => {
    begun = undefined;
    throw error;
  });
  return begun;
}

async function begin(): Promise<string> {
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
    try {
      const { user_id, is_new } = await client.start_session();
      // A socket that is open already was let in without the new cookie.
      if (is_new) await client.reauthenticate();
      beginning.waiting = false;
      return user_id;
    } catch (error) {
      beginning.waiting = error instanceof RpcError && error.status >= 500;
      if (!beginning.waiting) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/** Runs `start` once the browser is known; for `onMount`. What `start` returns ends it again. */
export function afterSession(start: () => () => void): () => void {
  let stop: (() => void) | undefined;
  let unmounted = false;
  session().then(
    () => {
      if (!unmounted) stop = start();
    },
    () => undefined, // whoever acts next asks again, and shows why not
  );
  return () => {
    unmounted = true;
    stop?.();
  };
}
