import type {
  Browser,
  BrowserContext,
  BrowserContextOptions,
  Locator,
  Page,
  WebSocket,
} from "playwright-core";

/** A tab, and everything that went through it. */
export class Tab {
  readonly sockets: WebSocket[] = [];
  /** Frames and bodies, one character per byte. */
  readonly traffic: string[] = [];
  /** What the browser complained about. */
  readonly complaints: string[] = [];

  constructor(readonly page: Page) {
    page.on("websocket", (socket) => {
      // Vite's own socket carries hot updates, and nothing of the app.
      if (!socket.url().includes("/_ws")) return;
      this.sockets.push(socket);
      socket.on("framesent", ({ payload }) => this.#keep(payload));
      socket.on("framereceived", ({ payload }) => this.#keep(payload));
    });
    page.on("response", async (response) => {
      // A redirect or an aborted load has no body.
      this.#keep(await response.body().catch(() => ""));
    });
    page.on("console", (message) => {
      if (message.type() === "error") this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
  }

  panel(name: string): Locator {
    return this.page.locator(`[data-panel="${name}"]`);
  }

  async connected(): Promise<void> {
    await this.page.locator('[data-connection="connected"]').waitFor();
  }

  #keep(payload: string | Buffer): void {
    this.traffic.push(typeof payload === "string" ? payload : payload.toString("latin1"));
  }
}

export async function openTab(context: BrowserContext, url: string): Promise<Tab> {
  const page = await context.newPage();
  page.setDefaultTimeout(45_000);
  const tab = new Tab(page);
  await page.goto(url);
  await tab.connected();
  return tab;
}

/** A browser of somebody else: cookies of its own. */
export async function newPerson(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<BrowserContext> {
  return browser.newContext(options);
}
