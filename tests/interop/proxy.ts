import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A way to a server of this machine that keeps answers back, and that can be cut. */
export class CuttingProxy {
  private readonly links = new Set<[Socket, Socket]>();
  private held = false;

  private constructor(private readonly listening: Server) {}

  static async to(origin: string): Promise<CuttingProxy> {
    const { hostname, port } = new URL(origin);
    const listening = createServer();
    const proxy = new CuttingProxy(listening);
    listening.on("connection", (client) => proxy.link(client, connect(Number(port), hostname)));
    await once(listening.listen(0, "127.0.0.1"), "listening");
    return proxy;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.listening.address() as AddressInfo).port}`;
  }

  /** From now on nothing that the server says arrives. */
  hold(): void {
    this.held = true;
  }

  /** Resets every connection with what it held back; the next ones are sound. */
  cut(): void {
    this.held = false;
    for (const ends of this.links) for (const end of ends) end.resetAndDestroy();
  }

  async stop(): Promise<void> {
    this.cut();
    this.listening.close();
    await once(this.listening, "close");
  }

  private link(client: Socket, server: Socket): void {
    const ends: [Socket, Socket] = [client, server];
    this.links.add(ends);
    client.on("data", (data) => server.write(data));
    server.on("data", (data) => {
      if (!this.held) client.write(data);
    });
    for (const end of ends) {
      // A reset is an error there.
      end.on("error", () => undefined);
      end.on("close", () => {
        this.links.delete(ends);
        for (const each of ends) each.destroy();
      });
    }
  }
}
