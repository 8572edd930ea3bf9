import { expect, it } from "vitest";
import { createQueue } from "../../src/queue.js";
import type { StreamReader } from "../../src/stream.js";
import { createStreamRunner, type StreamRunner } from "../../src/ui/stream.js";

interface Source {
  readonly reader: StreamReader<number>;
  readonly queue: ReturnType<typeof createQueue<number>>;
  left: boolean;
}

function newSource(): Source {
  const queue = createQueue<number>(() => {
    source.left = true;
  });
  const reader: StreamReader<number> = {
    ...queue.reader,
    close: () => void queue.reader.return(),
    [Symbol.asyncIterator]: () => queue.reader,
  };
  const source: Source = { reader, queue, left: false };
  return source;
}

/** How often it told, and a wait for the next time. */
function watch(runner: StreamRunner<number>): { times: number; next(): Promise<void> } {
  let wake = (): void => {};
  const watcher = {
    times: 0,
    next: () =>
      new Promise<void>((resolve) => {
        wake = resolve;
      }),
  };
  runner.subscribe(() => {
    watcher.times++;
    wake();
  });
  return watcher;
}

it("tells once about all that came together", async () => {
  const runner = createStreamRunner<number>();
  const watcher = watch(runner);
  const { reader, queue } = newSource();
  expect(runner.get().state).toBe("idle");
  runner.start(() => reader);
  expect(runner.get()).toMatchObject({ state: "streaming", items: [] });
  for (let n = 0; n < 1_000; n++) queue.push(n);
  await watcher.next();
  expect(watcher.times).toBe(2);
  const log = runner.get();
  expect(log.items).toHaveLength(1_000);
  expect(runner.get()).toBe(log);
  queue.push(1_000);
  queue.end();
  await watcher.next();
  expect(runner.get()).toMatchObject({ state: "done", count: 1_001, error: undefined });
  expect(log.items).toHaveLength(1_000);
});

it("keeps the last items up to the limit, and counts all", async () => {
  const runner = createStreamRunner<number>({ limit: 2 });
  const watcher = watch(runner);
  const { reader, queue } = newSource();
  runner.start(() => reader);
  for (const n of [1, 2, 3]) queue.push(n);
  queue.fail(new Error("broke"));
  await watcher.next();
  expect(runner.get()).toEqual({ items: [2, 3], count: 3, state: "failed", error: new Error("broke") });
});

it("stops, keeps what came, and starts anew", async () => {
  const runner = createStreamRunner<number>();
  const watcher = watch(runner);
  const [first, second, third] = [newSource(), newSource(), newSource()];
  runner.start(() => first.reader);
  first.queue.push(1);
  await watcher.next();
  runner.stop();
  runner.stop();
  expect(first.left).toBe(true);
  expect(runner.get()).toMatchObject({ items: [1], state: "stopped" });
  runner.start(() => second.reader);
  expect(runner.get()).toMatchObject({ items: [], count: 0, state: "streaming" });
  // What runs is stopped by the next one, and has no more say.
  second.queue.push(2);
  runner.start(() => third.reader);
  expect(second.left).toBe(true);
  third.queue.push(3);
  third.queue.end();
  await watcher.next();
  expect(runner.get()).toMatchObject({ items: [3], count: 1, state: "done" });
});
