/** What a generated file imports where there are events: the size of this bundle is what a page pays. */
export { createClient, matchesError, recovery } from "@fusewire/client";
