import { connect } from "$lib/fuse";

/** Lazy: importing this opens nothing, neither in the browser nor while the server renders the page. */
export const client = connect({
  // What belongs to no call is about the connection, and the status line tells that.
  onError: (error) => console.warn(error),
  onStale: () =>
    console.info("The server was updated; this page still works, a reload brings it up to date."),
});
