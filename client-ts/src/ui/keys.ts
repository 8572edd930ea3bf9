/**
 * A call's arguments as plain JSON, in which different arguments look different: absent ones are not null, and bytes and
 * large integers keep their value. Absent ones at the end are left out.
 */
export function keyOf(values: readonly unknown[]): unknown[] {
  let { length } = values;
  while (length > 0 && values[length - 1] === undefined) length--;
  return values.slice(0, length).map(plain);
}

function plain(value: unknown): unknown {
  if (value === undefined) return { $: "absent" };
  if (typeof value === "bigint") return { $: "bigint", value: `${value}` };
  if (typeof value === "number" && !Number.isFinite(value)) return { $: "number", value: `${value}` };
  if (value instanceof Date) return { $: "date", value: value.getTime() };
  if (value instanceof Uint8Array) return { $: "bytes", value: [...value] };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  // In one order, and without what is absent.
  const entries = Object.entries(value).filter((entry) => entry[1] !== undefined);
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, plain(item)]),
  );
}
