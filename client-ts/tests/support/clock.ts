import type { Environment } from "../../src/ports.js";

/** Time that passes only when a test says so. */
export class FakeClock implements Environment {
  private time = 1_000;
  private nextId = 1;
  private readonly timers = new Map<number, { at: number; run: () => void }>();
  randomValue = 0.5;

  now = (): number => this.time;
  random = (): number => this.randomValue;

  setTimeout = (run: () => void, ms: number): number => {
    const id = this.nextId++;
    this.timers.set(id, { at: this.time + ms, run });
    return id;
  };

  clearTimeout = (timer: unknown): void => {
    this.timers.delete(timer as number);
  };

  /** Lets `ms` milliseconds pass, running what is due in order. */
  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const [due] = [...this.timers].sort((a, b) => a[1].at - b[1].at).filter(([, timer]) => timer.at <= end);
      if (due === undefined) break;
      this.timers.delete(due[0]);
      this.time = Math.max(this.time, due[1].at);
      due[1].run();
    }
    this.time = end;
  }

  /** The waits that are set, in milliseconds from now, the shortest first. */
  get pending(): number[] {
    return [...this.timers.values()].map(({ at }) => at - this.time).sort((a, b) => a - b);
  }
}
