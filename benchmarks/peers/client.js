/**
 * A real client under Node, driven by lines on standard input: `node client.js <fusewire|trpc> <port> [contract's hash]`.
 * Each line is `{"depth": calls in flight, "seconds": for so long}`; it is answered by `{"count", "seconds"}`. Ends with the input.
 */
import { createInterface } from "node:readline";
import { createClient } from "@fusewire/client";
import { createTRPCClient, createWSClient, wsLink } from "@trpc/client";
import { WebSocket } from "ws";

/** Without the default of `ws`, which offers deflate. */
class PlainSocket extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { perMessageDeflate: false });
  }
}

/** As codegen writes it. */
const descriptor = {
  calls: process.argv[4],
  ws: "/_ws",
  api: "/api",
  procedures: { add: { args: ["a", "b"], http: "POST /add" } },
};

const kinds = {
  fusewire(port) {
    const client = createClient(descriptor, {
      url: `http://127.0.0.1:${port}`,
      WebSocket: PlainSocket,
      onStale: () => {
        throw new Error("the server has another contract: arguments would go by name");
      },
      onError: fail,
    });
    return () => client.add(1, 2);
  },
  trpc(port) {
    const socket = createWSClient({ url: `ws://127.0.0.1:${port}`, WebSocket: PlainSocket });
    const client = createTRPCClient({ links: [wsLink({ client: socket })] });
    return () => client.add.query({ a: 1, b: 2 });
  },
};

function fail(error) {
  console.error(error);
  process.exit(1);
}

async function run(call, depth, seconds) {
  const began = performance.now();
  const end = began + seconds * 1000;
  let count = 0;
  const one = async () => {
    while (performance.now() < end) {
      const sum = await call();
      if (sum !== 3) throw new Error(`1 + 2 is ${sum}`);
      count++;
    }
  };
  await Promise.all(Array.from({ length: depth }, one));
  return { count, seconds: (performance.now() - began) / 1000 };
}

const call = kinds[process.argv[2]](Number(process.argv[3]));
await call();
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const { depth, seconds } = JSON.parse(line);
  console.log(JSON.stringify(await run(call, depth, seconds)));
}
process.exit(0);
