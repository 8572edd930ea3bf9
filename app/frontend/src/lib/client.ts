import { connect } from "$lib/fuse";

/** Lazy: importing this opens nothing, neither in the browser nor while the server renders the page. */
export const client = connect();
