/**
 * Real clients that call without end, and come back when their worker dies: `node returning.js <port> <clients>`.
 * Every line on standard input is answered by `{"away", "back", "calls", "unsettled"}`: how many are not connected, when
 * clients came back since the last line (an answered call, in milliseconds since 1970), and how many calls there were and
 * are still under way. After the line `stop` there are no new calls.
 */
import { createInterface } from "node:readline";
import { createClient, recovery } from "@fusewire/client";
import { WebSocket } from "ws";

const [port, count] = process.argv.slice(2).map(Number);

/** As codegen writes it; the server's contract is another one, and arguments go by name. */
const descriptor = {
  calls: "",
  ws: "/_ws",
  api: "/api",
  procedures: { run_once: { args: ["key", "seconds"], http: "POST /run_once" } },
  recovery,
};

let back = [];
let calls = 0;
let unsettled = 0;
let stopped = false;
const away = new Set();

async function call(client, key) {
  calls++;
  unsettled++;
  try {
    await client.run_once(key, 0.02);
    return true;
  } catch (error) {
    if (error.code !== "CONNECTION_LOST") throw error;
    return false;
  } finally {
    unsettled--;
  }
}

async function run(number) {
  const client = createClient(descriptor, {
    url: `http://127.0.0.1:${port}`,
    WebSocket,
    // A function of its own: a connection of its own.
    auth: () => ({ token: `node-${number}` }),
    onStale: () => {},
    onError: () => {},
  });
  client.on("Note", () => {});
  client.status.subscribe(({ state, code }) => {
    if (state !== "connected" && code !== "idle" && code !== "requested" && code !== "goaway")
      away.add(client);
  });
  for (let made = 0; !stopped; made++) {
    // What comes after a failed call waits for a connection.
    if (!(await call(client, `node-${number}-${made}`))) continue;
    if (away.delete(client)) back.push(Date.now());
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

for (let number = 0; number < count; number++) void run(number);
for await (const line of createInterface({ input: process.stdin })) {
  stopped ||= line === "stop";
  console.log(JSON.stringify({ away: away.size, back, calls, unsettled }));
  back = [];
}
process.exit(0);
