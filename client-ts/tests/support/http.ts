import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type ConnectOptions, createClient } from "../../src/index.js";
import { encode } from "../../src/wire/codec.js";
import { descriptor, type Events, type Procedures, type TestClient } from "./client.js";

export interface Seen {
  readonly request: IncomingMessage;
  readonly body: Buffer;
}

export const MSGPACK = { "content-type": "application/msgpack" };

export function reply(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, MSGPACK).end(encode(value));
}

/** A real HTTP server that answers what a test tells it: null as long as it tells nothing. */
export class HttpServer {
  readonly seen: Seen[] = [];
  answer: (seen: Seen, response: ServerResponse) => void = (_, response) => reply(response, 200, null);
  private readonly http = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const arrived = { request, body: Buffer.concat(chunks) };
    this.seen.push(arrived);
    this.answer(arrived, response);
  });

  static async start(): Promise<HttpServer> {
    const server = new HttpServer();
    await new Promise<void>((resolve) => server.http.listen(0, "127.0.0.1", resolve));
    return server;
  }

  /** A client of this server; `load` is how it gets its part for HTTP. */
  client(options: ConnectOptions = {}, load: typeof descriptor.http = descriptor.http): TestClient {
    const url = `http://127.0.0.1:${(this.http.address() as AddressInfo).port}/`;
    return createClient<Procedures, Events>({ ...descriptor, http: load }, { url, ...options });
  }

  async stop(): Promise<void> {
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
  }
}
