/** What a generated file imports: the size of this bundle is what a page pays. */
export { createClient, matchesError } from "@fusewire/client";
