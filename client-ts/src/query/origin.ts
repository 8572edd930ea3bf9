import { originOf } from "../ui/origin.js";

/** A method of a client, by what it returns. */
export type Method<Args extends readonly unknown[], Result> = (...args: Args) => Result;

/** The arguments, which may be left out where every one of them may. */
export type Given<Args extends readonly unknown[], Other = never> = [] extends Args
  ? [args?: Args | Other]
  : [args: Args | Other];

/** The same method, whose calls end with `signal` as well. */
export function withSignal<M>(method: M, signal: AbortSignal): M {
  const origin = originOf(method);
  if (origin === undefined) throw new TypeError("not a method of a Fusewire client");
  const [scope, , bind] = origin;
  const both = scope.signal ? AbortSignal.any([scope.signal, signal]) : signal;
  // It is bound to the very procedure that it was before.
  return bind({ ...scope, signal: both }) as M;
}
