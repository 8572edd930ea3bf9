import type { UpkeepPart } from "./connection/upkeep.js";
import type { Procedure, RecoveryPart, UploadPart } from "./ports.js";

/** The table that the generated file holds, and the parts of the client that its contract needs. */
export interface Descriptor {
  /** The hash of the call shapes, sent in hello. */
  readonly calls: string;
  /** The WebSocket's path. */
  readonly ws: string;
  /** The prefix of the REST mirror. */
  readonly api: string;
  /** By wire name; `teams.rename` has the namespace `teams`. */
  readonly procedures: Readonly<Record<string, Procedure>>;
  /** `() => import("@fusewire/client/http")`: loaded for the first call that goes over HTTP. */
  readonly http: () => Promise<HttpPart>;
  /** `uploads` of this package, where a procedure takes a stream. */
  readonly uploads?: UploadPart;
  /** `recovery` of this package, where there are events. */
  readonly recovery?: RecoveryPart;
  /** `upkeep` of this package, where somebody waits for the server, or is known to it. */
  readonly upkeep?: UpkeepPart;
}

/** `@fusewire/client/http`. */
export type HttpPart = Pick<typeof import("./transports/http.js"), "callOverHttp">;
