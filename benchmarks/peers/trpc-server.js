/** tRPC over WebSocket with zod, the way its guide shows it. Prints its port; ends when standard input does. */
import { initTRPC } from "@trpc/server";
import { applyWSSHandler } from "@trpc/server/adapters/ws";
import { WebSocketServer } from "ws";
import { z } from "zod";

const t = initTRPC.create();

const Member = z.object({
  id: z.number().int(),
  name: z.string(),
  email: z.string(),
  role: z.string(),
  active: z.boolean(),
});
const Team = z.object({ id: z.number().int(), name: z.string(), members: z.array(Member) });

const MEMBERS = 20;

/** The value of `team_of` in ../servers/models.py, with the field that the declared type does not have. */
function teamOf(id) {
  const members = Array.from({ length: MEMBERS }, (_, number) => ({
    id: number,
    name: `Member ${number}`,
    email: `member${number}@example.com`,
    role: number % 3 ? "editor" : "owner",
    active: number % 2 === 0,
    password_hash: "not for the caller",
  }));
  return { id, name: `Team ${id}`, members };
}

const STORED = new Map([[7, teamOf(7)]]);

const router = t.router({
  add: t.procedure
    .input(z.object({ a: z.number().int(), b: z.number().int() }))
    .output(z.number().int())
    .query(({ input }) => input.a + input.b),
  team: t.procedure
    .input(z.object({ n: z.number().int() }))
    .output(Team)
    .query(({ input }) => STORED.get(input.n)),
  teamRows: t.procedure
    .input(z.object({ n: z.number().int() }))
    .output(Team)
    .query(({ input }) => teamOf(input.n)),
});

const wss = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
applyWSSHandler({ wss, router });
wss.on("listening", () => console.log(wss.address().port));
process.stdin.resume().on("end", () => process.exit(0));
