import { client } from "$lib/client";

let begun: Promise<string> | undefined;

/** Makes this browser known to the backend, once per page; the user's id. Tries anew when the last try failed. */
export function session(): Promise<string> {
  begun ??= begin().catch((error: unknown) => {
    begun = undefined;
    throw error;
  });
  return begun;
}

async function begin(): Promise<string> {
  const { user_id, is_new } = await client.start_session();
  // A socket that is open already was let in without the new cookie.
  if (is_new) await client.reauthenticate();
  return user_id;
}
