import type { byName } from "../arguments.js";
import type { receive } from "../connection/flights.js";
import type { RpcError } from "../errors.js";
import type { decode, encode } from "../wire/codec.js";
import type { readMessages } from "../wire/frame.js";

/** What calls over HTTP need of that which is in the page's own file already. */
export interface HttpTools {
  readonly RpcError: typeof RpcError;
  readonly byName: typeof byName;
  readonly decode: typeof decode;
  readonly encode: typeof encode;
  readonly readMessages: typeof readMessages;
  readonly receive: typeof receive;
}
