import type { Procedure } from "./ports.js";
import { isPlain, writeArrayHead, writeByte, writeMapHead, writeNamed, writeText } from "./wire/codec.js";

type Values = readonly unknown[];

/** A call's arguments by name, in order; absent ones (`undefined`: the Python default) are left out. */
export function byName(names: readonly string[], values: Values): [name: string, value: unknown][] {
  const entries = names.map((name, index): [string, unknown] => [name, values[index]]);
  // The generated signature puts keyword-only parameters into one last object. Anything else there is what
  // `array.map` or an event listener passes along, and not meant for Python.
  const last = values[names.length];
  if (isPlain(last)) entries.push(...Object.entries(last));
  return entries.filter((entry) => entry[1] !== undefined);
}

/**
 * Writes `args?` and `kwargs?` of PROTOCOL §3: `args` is cut at the first absent argument, the rest goes by name. All go
 * by name unless `positional`, since a reordered parameter must not swap two values. An upload is only a place here.
 *
 * @returns how many of the two were written
 * @throws TypeError or RangeError, naming the path, for what cannot be sent
 */
export function writeArguments(
  { args: names, upload }: Procedure,
  values: Values,
  positional: boolean,
): 0 | 1 | 2 {
  let cut = 0;
  if (positional) while (cut < names.length && values[cut] !== undefined) cut++;
  const isAll = cut === values.length;
  const named = isAll
    ? []
    : byName(names, values)
        .slice(cut)
        .filter(([name]) => name !== upload);
  if (cut + named.length === 0) return 0;
  if (cut > 0) writeArrayHead(cut);
  else writeByte(0xc0);
  for (let i = 0; i < cut; i++) {
    const name = names[i] as string;
    writeNamed(name === upload ? null : values[i], name);
  }
  if (named.length === 0) return 1;
  writeMapHead(named.length);
  for (const [name, value] of named) {
    writeText(name);
    writeNamed(value, name);
  }
  return 2;
}
