/** What a test feeds an upload with, as it says. */
export class FedSource implements AsyncIterableIterator<unknown> {
  stopped = false;
  ended = false;
  private readonly fed: (() => Promise<IteratorResult<unknown>>)[] = [];
  private wake = (): void => undefined;

  item(value: unknown): void {
    this.feed(async () => ({ done: false, value }));
  }

  end(): void {
    this.ended = true;
    this.feed(async () => ({ done: true, value: undefined }));
  }

  fail(error: unknown): void {
    this.feed(() => Promise.reject(error));
  }

  async next(): Promise<IteratorResult<unknown>> {
    for (;;) {
      const step = this.fed.shift();
      if (step !== undefined) return step();
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  async return(): Promise<IteratorResult<unknown>> {
    this.stopped = true;
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private feed(step: () => Promise<IteratorResult<unknown>>): void {
    this.fed.push(step);
    this.wake();
  }
}
