// A page with twenty mistakes. The compiler finds each of them, on its line, and nothing else.
import { type StandardError, UUID } from "@fusewire/client";
import { type CircleOutput, type Client, Colour, connect, safe } from "./fuse";

const client: Client = connect();

export async function calls(
  order: string,
  rows: ReadableStream<{ id: number; name: string }>,
): Promise<void> {
  await client.ad(1, 2); // mistake: a name that no procedure has
  await client.add(1); // mistake: a missing argument
  await client.add(1, 2, 3); // mistake: an argument too many
  await client.add("1", 2); // mistake: an argument of another type
  await client.start_job("job_1", true); // mistake: a keyword-only argument by its place
  await client.greet(null); // mistake: null where Python takes no None
  await client.greet("Ada", null);
  await client.draw({ radius: 1 }, "green"); // mistake: a value that the enum does not have
  await client.draw({ radius: 1 }, Colour.BLUE);
  await client.cancel("6f1c2d3e"); // mistake: any text for a UUID
  await client.cancel(UUID(order));
  await client.team.rename(1, "Blue"); // mistake: a namespace that is not there
  await client.save("rows", "rows.csv"); // mistake: a text for a stream of rows
  await client.save("rows", rows);
  await client.with({ timeOut: 5_000 }).add(1, 2); // mistake: an option that is not there
}

export async function results(): Promise<string> {
  const job = await client.start_job("job_1", { dry_run: true });
  if (job.begun) return "begun"; // mistake: a field that the result does not have
  const sum: number = client.add(1, 2); // mistake: a missing await
  const reply: string = await client.chat("hi"); // mistake: a stream for its text
  for await (const token of client.chat("hi")) if (token.length > sum) return token;
  return reply;
}

export async function models(): Promise<CircleOutput> {
  await client.draw({ radius: 1, area: 3.14 }); // mistake: a field that only the server gives
  const circle = await client.draw({ radius: 1, pen: "broad" });
  console.log(circle.pen); // mistake: a field that only the server takes
  circle.area = 1; // mistake: a field that the server works out
  circle.radius = 1;
  return circle;
}

export function events(): () => void {
  client.on("JobState", () => {}); // mistake: an event that is not there
  return client.on("JobStatus", (status) => {
    console.log(status.percent); // mistake: a field that the event does not have
  });
}

export async function errors(): Promise<string> {
  const { data, error } = await safe(client.start_job("job_1"));
  if (!error) return String(data.started);
  switch (error.code) {
    case "BUDGET_SPENT":
      return `${error.data.left} left`;
    // left out: case "JOB_RUNNING":
    case "RATE_LIMITED":
      return "later";
    default: {
      const rest: StandardError = error; // mistake: a declared error has no case
      return rest.message;
    }
  }
}
