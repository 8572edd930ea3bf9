// The same page without its mistakes.
import { type StandardError, UUID } from "@fusewire/client";
import { type CircleOutput, type Client, Colour, connect, safe } from "./fuse";

const client: Client = connect();

export async function calls(
  order: string,
  rows: ReadableStream<{ id: number; name: string }>,
): Promise<void> {
  await client.add(1, 2);
  await client.add(1, 2);
  await client.add(1, 2);
  await client.add(1, 2);
  await client.start_job("job_1", { dry_run: true });
  await client.greet("Ada");
  await client.greet("Ada", null);
  await client.draw({ radius: 1 }, "red");
  await client.draw({ radius: 1 }, Colour.BLUE);
  await client.cancel(UUID("6f1c2d3e-0000-4000-8000-000000000000"));
  await client.cancel(UUID(order));
  await client.teams.rename(1, "Blue");
  await client.save("rows", [{ id: 1, name: "Blue" }]);
  await client.save("rows", rows);
  await client.with({ timeout: 5_000 }).add(1, 2);
}

export async function results(): Promise<string> {
  const job = await client.start_job("job_1", { dry_run: true });
  if (job.started) return "begun";
  const sum: number = await client.add(1, 2);
  const reply: string = await client.greet("Ada");
  for await (const token of client.chat("hi")) if (token.length > sum) return token;
  return reply;
}

export async function models(): Promise<CircleOutput> {
  await client.draw({ radius: 1 });
  const circle = await client.draw({ radius: 1, pen: "broad" });
  console.log(circle.area);
  circle.radius = 2;
  circle.radius = 1;
  return circle;
}

export function events(): () => void {
  client.on("JobStatus", () => {});
  return client.on("JobStatus", (status) => {
    console.log(status.progress);
  });
}

export async function errors(): Promise<string> {
  const { data, error } = await safe(client.start_job("job_1"));
  if (!error) return String(data.started);
  switch (error.code) {
    case "BUDGET_SPENT":
      return `${error.data.left} left`;
    case "JOB_RUNNING":
    case "RATE_LIMITED":
      return "later";
    default: {
      const rest: StandardError = error;
      return rest.message;
    }
  }
}
