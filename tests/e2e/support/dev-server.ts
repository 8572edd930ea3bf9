import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";

/** What it says when everything is set up. */
const STARTING = "Starting";
const READY = "Fusewire is ready";
// A fresh copy fetches what the machine lacks, from an index that may be slow.
const SET_UP_MS = 300_000;
const READY_MS = 60_000;
const STOP_MS = 15_000;

/** A running ./dev.sh of its own database and port. */
export class DevServer {
  readonly url: string;
  readonly #process: ChildProcess;
  readonly #ended: Promise<number | NodeJS.Signals | null>;
  #output = "";

  constructor(
    readonly root: string,
    readonly port: number,
    readonly database: string,
  ) {
    this.url = `http://localhost:${port}`;
    this.#process = spawn("./dev.sh", {
      cwd: root,
      env: { ...process.env, PORT: String(port), DATABASE_URL: `sqlite+aiosqlite:///${database}` },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process.stdout?.on("data", (data) => this.#keep(data));
    this.#process.stderr?.on("data", (data) => this.#keep(data));
    this.#ended = new Promise((resolve, reject) => {
      this.#process.once("error", reject);
      // Not "exit": only "close" says that nobody holds the output any more, so that no grandchild is left behind it.
      this.#process.once("close", (code, signal) => resolve(signal ?? code));
    });
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  get output(): string {
    return this.#output;
  }

  /** Waits for the banner. */
  async ready(): Promise<this> {
    await this.#says(STARTING, SET_UP_MS, "dev.sh is not set up");
    await this.#says(READY, READY_MS, "dev.sh is not ready");
    return this;
  }

  async #says(text: string, ms: number, otherwise: string): Promise<void> {
    const said = new Promise<void>((resolve) => {
      const look = () => this.#output.includes(text) && resolve();
      this.#process.stdout?.on("data", look);
      look();
    });
    const ended = this.#ended.then((code) => {
      throw new Error(`dev.sh ended (${code}) before it was ready:\n${this.#output}`);
    });
    await within(ms, Promise.race([said, ended]), () => `${otherwise}:\n${this.#output}`);
  }

  /** The exit code, or the signal that ended it. */
  async ended(): Promise<number | NodeJS.Signals | null> {
    return within(STOP_MS, this.#ended, () => `dev.sh does not end:\n${this.#output}`);
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.signal("SIGTERM");
    await this.ended();
  }

  /** Everything it started that is running now, however deep. */
  descendants(): Process[] {
    const all = processes();
    const found: Process[] = [];
    const visit = (parent: number) => {
      for (const each of all.filter((candidate) => candidate.parent === parent)) {
        found.push(each);
        visit(each.pid);
      }
    };
    visit(this.pid);
    return found;
  }

  #keep(data: Buffer): void {
    this.#output += data.toString();
  }
}

export interface Process {
  pid: number;
  parent: number;
  command: string;
}

/** Every running process; those that have ended and merely wait to be collected are left out. */
export function processes(): Process[] {
  const lines = execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat=,args="], { encoding: "utf8" }).split("\n");
  return lines.flatMap((line) => {
    const [, pid, parent, state, command] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    if (!pid || state?.startsWith("Z")) return [];
    return [{ pid: Number(pid), parent: Number(parent), command: command ?? "" }];
  });
}

export async function startDev(root: string, name: string): Promise<DevServer> {
  const dev = new DevServer(root, await freePort(), join(root, "..", `${name}.sqlite`));
  try {
    return await dev.ready();
  } catch (error) {
    await dev.stop();
    throw error;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Rejects with `message()` when `promise` takes longer than `ms`. */
export async function within<T>(ms: number, promise: Promise<T>, message: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(message())), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
