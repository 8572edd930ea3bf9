import { vi } from "vitest";

/** What a browser's page tells of itself, and of its network. `leave` takes it away again. */
export class Page {
  readonly document = { hidden: false };
  readonly navigator = { onLine: true };
  private readonly listeners = new Map<string, Set<(event: { type: string }) => void>>();

  constructor() {
    vi.stubGlobal("document", this.document);
    vi.stubGlobal("navigator", this.navigator);
    vi.stubGlobal("addEventListener", (type: string, run: () => void) => this.of(type).add(run));
    vi.stubGlobal("removeEventListener", (type: string, run: () => void) => this.of(type).delete(run));
  }

  private of(type: string): Set<(event: { type: string }) => void> {
    if (!this.listeners.has(type)) this.listeners.set(type, new Set());
    return this.listeners.get(type) ?? new Set();
  }

  /** How many listen. */
  get heard(): number {
    return [...this.listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }

  fire(type: string): void {
    for (const run of [...this.of(type)]) run({ type });
  }

  hide(): void {
    this.document.hidden = true;
    this.fire("visibilitychange");
  }

  show(): void {
    this.document.hidden = false;
    this.fire("visibilitychange");
  }

  goOffline(): void {
    this.navigator.onLine = false;
    this.fire("offline");
  }

  goOnline(): void {
    this.navigator.onLine = true;
    this.fire("online");
  }

  leave(): void {
    vi.unstubAllGlobals();
  }
}
