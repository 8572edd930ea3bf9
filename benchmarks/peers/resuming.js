/**
 * Real clients that read streams to their ends, over links that are cut: `node resuming.js <port> <clients> <items>`.
 * Every line on standard input is answered by `{"cuts", "reading", "streams", "unnamed"}`: how often a connection was lost below
 * a stream, how many streams are being read, and what came of each that ended since the last line: `{"key", "wrong"}`,
 * `wrong` being empty when each item came once, in order, and then the end. `unnamed`: how many calls were lost before they were
 * answered. After the line `stop` no more streams are begun.
 */
import { createInterface } from "node:readline";
import { createClient, resuming } from "@fusewire/client";
import { WebSocket } from "ws";

const [port, count, items] = process.argv.slice(2).map(Number);

/** As codegen writes it; the server's contract is another one, and arguments go by name. */
const descriptor = {
  calls: "",
  ws: "/_ws",
  api: "/api",
  procedures: {
    story: { args: ["key", "to"], http: "POST /story", stream: true, resume: resuming },
  },
};

let streams = [];
let cuts = 0;
let reading = 0;
let unnamed = 0;
let stopped = false;

async function read(client, key) {
  let expected = 0;
  try {
    for await (const item of client.story(key, items)) {
      if (item !== expected) return `${item} instead of ${expected}`;
      expected++;
    }
  } catch (error) {
    return `${error.code ?? error} after ${expected} items: ${error.message}`;
  }
  return expected === items ? "" : `ended after ${expected} items`;
}

async function run(number) {
  const client = createClient(descriptor, {
    url: `http://127.0.0.1:${port}`,
    WebSocket,
    // A function of its own: a connection of its own.
    auth: () => ({ token: `reader-${number}` }),
    onStale: () => {},
    onError: () => {},
  });
  let open = false;
  let connected = false;
  client.status.subscribe(({ state }) => {
    if (open && connected && state !== "connected") cuts++;
    connected = state === "connected";
  });
  for (let begun = 0; !stopped; begun++) {
    const key = `story ${begun} of reader-${number}`;
    open = true;
    reading++;
    const wrong = await read(client, key);
    reading--;
    open = false;
    // A call that was lost before it was answered has no name to be resumed by: the app calls again.
    if (wrong.startsWith("CONNECTION_LOST after 0 items")) unnamed++;
    else streams.push({ key, wrong });
  }
}

for (let number = 0; number < count; number++) void run(number);
for await (const line of createInterface({ input: process.stdin })) {
  stopped ||= line === "stop";
  console.log(JSON.stringify({ cuts, reading, streams, unnamed }));
  streams = [];
}
process.exit(0);
