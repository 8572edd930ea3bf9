import { useStream } from "@fusewire/client/react";
import { client } from "../client";

/** Started by a button. */
export function Counter() {
  const counter = useStream(client.count);
  return (
    <section data-counter={counter.state} data-count={counter.count}>
      <button type="button" data-do="count" onClick={() => counter.start("react counter")}>
        Count
      </button>
      <button type="button" data-do="count-to" onClick={() => counter.start("react thousand", 1_000)}>
        Count to 1,000
      </button>
      <button type="button" data-do="count-fail" onClick={() => counter.start("react failing", -2)}>
        Count and fail
      </button>
      <button type="button" data-do="stop" onClick={counter.stop}>
        Stop
      </button>
      <output>{counter.items.join(" ")}</output>
      {counter.error instanceof Error && <p data-problem>{counter.error.message}</p>}
    </section>
  );
}

/** Runs while it is shown, and again for another name. */
export function Log({ name }: { name: string }) {
  // A new face of the client and a new array at every render are still the same call.
  const log = useStream(client.with({ timeout: 60_000 }).count, [`react log ${name}`]);
  return (
    <output data-log={log.state}>
      {name}: {log.items.join(" ")}
    </output>
  );
}
