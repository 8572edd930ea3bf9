import { connect, isError, type JobStatus } from "$lib/fuse"; // the generated file: types and a typed connect(), no casts

async function* lines() {
  yield "one";
  yield "two";
}

/** What a page would do, told back so that a test can look at it. */
export async function page(token: string) {
  const client = connect({ auth: async () => ({ token }) }); // same origin
  const signal = new AbortController().signal;
  const heard: JobStatus[] = [];

  const off = client.on("JobStatus", (e) => heard.push(e)); // also: for await (const e of client.events("JobStatus"))
  const { started } = await client.start_job("job_1", { dry_run: true }); // positional as in Python; keyword-only in a last object
  const tokens: string[] = [];
  for await (const token of client.chat("hi there you")) {
    tokens.push(token);
    if (tokens.length === 2) break; // cancels in Python
  }
  const sum = await client.with({ signal, timeout: 5_000 }).add(1, 2);
  off();

  let left = -1;
  try {
    for await (const _ of client.chat("broke"));
  } catch (error) {
    if (isError(error, "BUDGET_SPENT")) left = error.data.left;
  }
  const shouted: string[] = [];
  for await (const line of client.shout(lines())) shouted.push(line); // an array or a ReadableStream will do as well
  const me = await client.whoami();
  client.close();
  return { started, tokens, sum, heard, left, shouted, user: me.user };
}
