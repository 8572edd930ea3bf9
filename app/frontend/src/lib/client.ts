import { browser } from "$app/environment";
import { connect } from "$lib/fuse";
import { Release } from "$lib/release.svelte";

export const release = new Release();

/** Lazy: importing this opens nothing, neither in the browser nor while the server renders the page. */
export const client = connect({
  // What belongs to no call is about the connection, and the status line tells that.
  onError: (error) => console.warn(error),
  onStale: () => {
    // Not in the process that renders for everybody.
    release.isNewer = browser;
  },
});
