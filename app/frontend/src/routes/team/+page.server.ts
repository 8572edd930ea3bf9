import { safe } from "$lib/fuse";
import { clientFor } from "$lib/server/client";
import type { PageServerLoad } from "./$types";

/** The team is in the page that is sent. Without an answer the page asks by itself, and shows what is wrong. */
export const load: PageServerLoad = async (event) => {
  const { data: team } = await safe(clientFor(event).get_team());
  return { team };
};
