import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { createInterface } from "node:readline";

const ROOT = new URL("../..", import.meta.url).pathname;

/** A real uvicorn with an app of the tests, ended by its own pid. */
export class Server {
  private process: ChildProcess | undefined;

  private constructor(
    private readonly app: string,
    private readonly port: number,
  ) {}

  static async start(app: string): Promise<Server> {
    const server = new Server(app, await freePort());
    await server.up();
    return server;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Start it (again), on the same port; perhaps as another app. */
  async up(app = this.app): Promise<void> {
    const python = process.env.FUSEWIRE_PYTHON ?? `${ROOT}.venv/bin/python`;
    const options = ["--port", String(this.port), "--timeout-graceful-shutdown", "1"];
    const child = spawn(python, ["-m", "uvicorn", app, ...options], {
      cwd: ROOT,
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.process = child;
    if (child.stderr === null) throw new Error("no stderr");
    const said: string[] = [];
    for await (const line of createInterface(child.stderr)) {
      said.push(line);
      if (line.includes("running on")) {
        child.stderr.resume();
        return;
      }
    }
    throw new Error(`the server did not start:\n${said.join("\n")}`);
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = this.process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}
