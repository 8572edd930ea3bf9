import { RpcError } from "@fusewire/client";
import { expect, vi } from "vitest";
import type { Client } from "./fuse";

export async function thrown(promise: Promise<unknown>): Promise<RpcError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RpcError);
  return error as RpcError;
}

/** Ask Python until it noted what is expected. */
export async function noted(client: Client, about: string, note: string): Promise<string[]> {
  return vi.waitFor(
    async () => {
      const notes = await client.noted(about);
      expect(notes).toContain(note);
      return notes;
    },
    { timeout: 5_000, interval: 20 },
  );
}
