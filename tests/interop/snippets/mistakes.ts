// Each line marked below must be refused by the compiler: an unused marker is an error too.
import { connect, isError } from "$lib/fuse";

const client = connect();

// @ts-expect-error a misspelt name
client.ad(1, 2);
// @ts-expect-error a missing argument
client.add(1);
// @ts-expect-error a wrong type
client.add(1, "2");
// @ts-expect-error a keyword-only argument given by position
client.start_job("job", true);
// @ts-expect-error an unknown keyword
client.start_job("job", { dryrun: true });
// @ts-expect-error an unknown event
client.on("JobStatos", () => {});
// @ts-expect-error a field that the event has not
client.on("JobStatus", (e) => e.percent);
// @ts-expect-error a field that the result has not
void client.whoami().then((me) => me.password_hash);
// @ts-expect-error an item is a string
for await (const n of client.chat("hi")) n.toFixed();
// @ts-expect-error an upload of other items
client.shout([1, 2]);
// @ts-expect-error an upload is left out
client.shout();

try {
  await client.add(1, 2);
} catch (error) {
  // @ts-expect-error an unknown code
  isError(error, "BUDGET_SPEND");
  // @ts-expect-error data of another shape
  if (isError(error, "BUDGET_SPENT")) error.data.right;
}
