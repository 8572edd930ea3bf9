import { client } from "../client";

const known = sessionStorage.getItem("story");
const stream = known === null ? client.story(200) : client.story.resume(known);
const items: number[] = [];
for await (const item of stream) {
  if (stream.id !== undefined) sessionStorage.setItem("story", stream.id);
  items.push(item);
  document.body.dataset.count = `${items.length}`;
}
document.body.dataset.items = items.join(" ");
