/** Calls every hook; one that throws disturbs neither the others nor the caller. */
export function tell<A>(
  hooks: Iterable<(argument: A) => unknown>,
  argument: A,
  onError: (error: unknown) => void,
): void {
  for (const hook of [...hooks]) {
    try {
      hook(argument);
    } catch (error) {
      onError(error);
    }
  }
}
