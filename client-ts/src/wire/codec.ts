/** msgpack, as much of it as PROTOCOL §7 uses. The halves are separate so that each can be read in one sitting. */
export * from "./decode.js";
export * from "./encode.js";
