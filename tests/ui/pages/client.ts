import { connect } from "../fuse";

/** One for the page, as in any app. */
export const client = connect();
