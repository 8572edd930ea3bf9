import { client } from "$lib/client";
import { explain } from "$lib/errors";
import type { Account } from "$lib/fuse";

/** `account`: null for nobody, undefined until the server has said. */
export const session = $state<{ account: Account | null | undefined; problem: string }>({
  account: undefined,
  problem: "",
});

export async function loadAccount(): Promise<void> {
  session.problem = "";
  try {
    session.account = await client.account();
  } catch (error) {
    session.problem = explain(error);
  }
}

// One per tab: a channel does not hear itself, but would hear a second one of the same tab.
const tabs = typeof window === "object" ? new BroadcastChannel("session") : undefined;

/** After login and logout: this tab goes to `path` as the new person, and every other tab starts again. */
export function startAs(path: string): void {
  tabs?.postMessage("changed");
  // A fresh document and not only client.reauthenticate(): nothing of what the last person saw is left in it.
  location.assign(path);
}

/** Somebody logged in or out in another tab. For `onMount`. */
export function listenForOthers(): () => void {
  const restart = () => location.reload();
  tabs?.addEventListener("message", restart);
  return () => tabs?.removeEventListener("message", restart);
}

/** Only a path of this site: a link to /login must not be able to send people elsewhere. */
export function safePath(next: string | null): string {
  if (!next) return "/";
  const target = new URL(next, location.origin);
  return target.origin === location.origin ? target.pathname + target.search : "/";
}
