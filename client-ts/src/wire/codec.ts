/** msgpack, as much of it as PROTOCOL §7 uses. The halves are separate so that each can be read in one sitting. */
export { DecodeError, Decoder, decode, MAX_INBOUND_DEPTH } from "./decode.js";
export { encode, isPlain, MAX_OUTBOUND_DEPTH, Raw } from "./encode.js";
