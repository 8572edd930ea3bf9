import { encode, isPlain, Raw } from "./wire/codec.js";

/** A call's arguments by name, in order; absent ones (`undefined`: the Python default) are left out. */
export function byName(names: readonly string[], values: readonly unknown[]): [string, unknown][] {
  const positional = names.map((name, index): [string, unknown] => [name, values[index]]);
  // The generated signature puts keyword-only parameters into one last object. Anything else there is what
  // `array.map` or an event listener passes along, and not meant for Python.
  const last = values[names.length];
  const keywords = isPlain(last) ? Object.entries(last) : [];
  return [...positional, ...keywords].filter((entry) => entry[1] !== undefined);
}

/** A call's arguments as msgpack, taken at call time: a later change of an argument does not change what is sent. */
export class EncodedArguments {
  private readonly entries: readonly (readonly [string, Raw])[];

  /** @throws TypeError or RangeError, naming the path, for what cannot be sent */
  constructor(
    private readonly names: readonly string[],
    values: readonly unknown[],
  ) {
    this.entries = byName(names, values).map(([name, value]) => [name, new Raw(encode(value, name))]);
  }

  /**
   * `args` and `kwargs` of PROTOCOL §3: `args` is cut at the first absent argument, the rest goes by name. All go by
   * name unless `positional`, since a reordered parameter must not swap two values.
   */
  message(positional: boolean): { args?: Raw[]; kwargs?: Record<string, Raw> } {
    let cut = 0;
    if (positional) while (cut < this.names.length && this.entries[cut]?.[0] === this.names[cut]) cut++;
    const args = this.entries.slice(0, cut).map((entry) => entry[1]);
    const rest = this.entries.slice(cut);
    return {
      ...(args.length > 0 && { args }),
      ...(rest.length > 0 && { kwargs: Object.fromEntries(rest) }),
    };
  }
}
