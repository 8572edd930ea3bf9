// Run with the path of a plan. Each entry's samples come from Python, are looked at, go back, and come again; a line of JSON tells how
// that went.
import { deepStrictEqual } from "node:assert";
import { readFileSync } from "node:fs";
import { format } from "node:util";
import type { ConnectOptions } from "@fusewire/client";
import { WebSocket } from "ws";

interface Plan {
  readonly url: string;
  readonly entries: readonly {
    readonly name: string;
    readonly samples: readonly { readonly form: unknown; readonly given: unknown }[];
  }[];
}

type Methods = Record<string, (...args: unknown[]) => Promise<unknown> & AsyncIterable<unknown>>;

/** What JSON cannot say is tagged. */
function untag(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(untag);
  if (typeof value !== "object" || value === null) return value;
  const { $tag, $value } = value as { $tag?: string; $value?: never };
  if ($tag === "date") return new Date($value as unknown as number);
  if ($tag === "bytes") return new Uint8Array(Buffer.from($value as unknown as string, "base64"));
  if ($tag === "bigint") return BigInt($value as unknown as string);
  if ($tag === "number") return Number($value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, untag(item)]));
}

async function rows(source: AsyncIterable<unknown>): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const item of source) found.push(item);
  return found;
}

async function tryEntry(methods: Methods, entry: Plan["entries"][number]): Promise<void> {
  const echo = methods[`echo_${entry.name}`]!;
  const items = await rows(methods[`items_${entry.name}`]!());
  deepStrictEqual(
    items,
    entry.samples.map((sample) => untag(sample.form)),
  );
  for (const [index, { form, given }] of entry.samples.entries())
    deepStrictEqual(await echo(given === undefined ? items[index] : untag(given)), untag(form));
}

const AT_ONCE = 16;

/** With the generated file's `connect`. */
export async function run(connect: (options: ConnectOptions) => { close(): void }): Promise<void> {
  const plan: Plan = JSON.parse(readFileSync(process.argv[2]!, "utf8"));
  const clients = {
    websocket: connect({ url: plan.url, WebSocket }),
    "http-msgpack": connect({ url: plan.url }),
  };
  for (const [transport, client] of Object.entries(clients)) {
    const waiting = plan.entries.values();
    const work = async (): Promise<void> => {
      for (const entry of waiting) {
        const error = await tryEntry(client as unknown as Methods, entry).then(
          () => null,
          (error) => format(error, error.cause ?? ""),
        );
        console.log(JSON.stringify({ transport, entry: entry.name, error }));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    client.close();
  }
}
