/** What is known of the server's version. One for each client: while developing, a page may have had several. */
export class Release {
  /** The server's calls are others than those that this page was made for. What is the same goes on working. */
  isNewer = $state(false);
}
