import { expect, it } from "vitest";
import { backoffMs } from "../../src/connection/backoff.js";

it("waits anything from nothing to a bound, which doubles up to 20 seconds", () => {
  const bounds = [300, 600, 1_200, 2_400, 4_800, 9_600, 19_200, 20_000, 20_000];
  for (const [attempt, bound] of bounds.entries()) {
    expect(backoffMs(attempt, 0)).toBe(0);
    expect(backoffMs(attempt, 0.5)).toBe(bound / 2);
    expect(backoffMs(attempt, 0.999_999)).toBe(bound - 1);
  }
  expect(backoffMs(2_000, 0.5)).toBe(10_000);
});

it("spreads those who lost one server together, the more so the longer it stays away", () => {
  for (const [attempt, most] of [17, 9, 5, 3].entries()) {
    const within10Ms = new Map<number, number>();
    for (let client = 0; client < 500; client++) {
      const at = Math.floor(backoffMs(attempt, client / 500) / 10);
      within10Ms.set(at, (within10Ms.get(at) ?? 0) + 1);
    }
    expect(Math.max(...within10Ms.values())).toBeLessThanOrEqual(most);
  }
});
