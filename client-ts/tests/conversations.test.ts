import { describe, expect, it } from "vitest";
import { clientConversations, Player } from "./support/player.js";

const conversations = clientConversations();

it("finds the conversations", () => {
  expect(conversations.filter(({ side }) => side === "client").length).toBeGreaterThanOrEqual(16);
  expect(conversations.filter(({ side }) => side === "both").length).toBeGreaterThanOrEqual(14);
});

describe("the client's side", () => {
  it.each(conversations)("§$section $name", (conversation) => new Player().play(conversation));
});
