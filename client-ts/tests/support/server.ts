import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { decodeFrame, encodeMessage, type Message } from "./messages.js";

type Of<Kind extends Message["kind"]> = Extract<Message, { kind: Kind }>;
type Waiter = { matches: (message: Message) => boolean; resolve: (message: Message) => void };

const LIMITS = {
  heartbeat_ms: 25_000,
  max_message_bytes: 65_536,
  max_frame_bytes: 1_048_576,
  max_calls: 64,
  max_streams: 16,
  stream_items: 8,
  stream_bytes: 65_536,
};

/** One accepted socket: what came, frame by frame, and ways to answer. */
export class Peer {
  readonly frames: Message[][] = [];
  closeCode: number | undefined;
  readonly closed: Promise<number>;
  private taken = new Set<Message>();
  private waiters: Waiter[] = [];

  constructor(
    readonly socket: WebSocket,
    readonly request: IncomingMessage,
    private readonly onMessage: (peer: Peer, message: Message) => void,
  ) {
    this.closed = new Promise((resolve) => {
      socket.on("close", (code) => {
        this.closeCode = code;
        resolve(code);
      });
    });
    socket.on("message", (data: Buffer) => this.receive(data));
    socket.on("error", () => undefined);
  }

  private receive(data: Buffer): void {
    const frame = decodeFrame(new Uint8Array(data)).map((received) => {
      if (!received.ok) throw received.error;
      return received.message;
    });
    this.frames.push(frame);
    for (const message of frame) {
      this.onMessage(this, message);
      const waiter = this.waiters.find(({ matches }) => matches(message));
      if (waiter === undefined) continue;
      this.waiters.splice(this.waiters.indexOf(waiter), 1);
      this.taken.add(message);
      waiter.resolve(message);
    }
  }

  get messages(): Message[] {
    return this.frames.flat();
  }

  all<Kind extends Message["kind"]>(kind: Kind): Of<Kind>[] {
    return this.messages.filter((message): message is Of<Kind> => message.kind === kind);
  }

  /** The next message of that kind that no `next` has returned yet. */
  next<Kind extends Message["kind"]>(kind: Kind): Promise<Of<Kind>> {
    const there = this.all(kind).find((message) => !this.taken.has(message));
    if (there !== undefined) {
      this.taken.add(there);
      return Promise.resolve(there);
    }
    return new Promise((resolve) => {
      const matches = (message: Message): boolean => message.kind === kind;
      this.waiters.push({ matches, resolve: (message) => resolve(message as Of<Kind>) });
    });
  }

  /** Sends messages as one frame. */
  send(...messages: Message[]): void {
    this.socket.send(Buffer.concat(messages.map((message) => encodeMessage(message))));
  }

  welcome(changes: Partial<Of<"welcome">> & { limits?: Record<string, number> } = {}): void {
    const limits = { ...LIMITS, ...changes.limits };
    this.send({ kind: "welcome", session: "s1", same: true, ...changes, limits });
  }
}

/** A real WebSocket server that does only what a test tells it. */
export class ScriptedServer {
  readonly peers: Peer[] = [];
  /** What happens by itself: by default hello is answered with welcome. */
  onMessage: (peer: Peer, message: Message) => void = (peer, message) => {
    if (message.kind === "hello") peer.welcome();
  };
  private waiting: ((peer: Peer) => void)[] = [];
  private handed = 0;
  private readonly http = createServer();
  private readonly sockets = new WebSocketServer({ server: this.http, perMessageDeflate: false });

  static async start(): Promise<ScriptedServer> {
    const server = new ScriptedServer();
    server.sockets.on("connection", (socket, request) => server.accept(socket, request));
    await new Promise<void>((resolve) => server.http.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}`;
  }

  /** The next connection that was not handed out yet. */
  peer(): Promise<Peer> {
    const there = this.peers[this.handed];
    this.handed++;
    if (there !== undefined) return Promise.resolve(there);
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** The next connection, and the id of the first call on it. */
  async called(): Promise<{ peer: Peer; id: number }> {
    const peer = await this.peer();
    return { peer, id: (await peer.next("call")).id };
  }

  private accept(socket: WebSocket, request: IncomingMessage): void {
    const peer = new Peer(socket, request, (from, message) => this.onMessage(from, message));
    this.peers.push(peer);
    this.waiting.shift()?.(peer);
  }

  async stop(): Promise<void> {
    for (const peer of this.peers) peer.socket.terminate();
    await new Promise((resolve) => this.sockets.close(resolve));
    await new Promise((resolve) => this.http.close(resolve));
  }
}
