/**
 * `@fusewire/client`: the runtime of the generated client. Users import `connect` from the generated file; what is here
 * is what that file needs, and the types that an app may want to name.
 *
 * @module
 */
export type { CallInfo } from "./call.js";
export { type ClientMembers, createClient, type FuseClient, type WithOptions } from "./client.js";
export { recovery } from "./connection/recovery.js";
export type { Status, StatusStore } from "./connection/status.js";
export { upkeep } from "./connection/upkeep.js";
export { uploads } from "./connection/upload.js";
export type { Descriptor } from "./descriptor.js";
export { matchesError, RpcError, type RpcErrorFields } from "./errors.js";
export type {
  ArgumentFault,
  Call,
  CodeOf,
  ErrorOf,
  Failure,
  InvalidArgument,
  Outcome,
  Safe,
  StandardError,
  StandardErrors,
} from "./failures.js";
export type { ConnectOptions, Gap, StaleContract } from "./options.js";
export type {
  Auth,
  Credentials,
  Environment,
  Procedure,
  SocketConstructor,
  SocketLike,
  Upload,
} from "./ports.js";
export { type Resumable, type ResumableStream, resuming } from "./resuming.js";
export { retrying } from "./retrying.js";
export { safely } from "./safe.js";
export type { Stream, StreamReader } from "./stream.js";
export { type Branded, Decimal, Duration, NaiveDatetime, PlainDate, PlainTime, UUID } from "./values.js";
export { DecodeError } from "./wire/codec.js";
