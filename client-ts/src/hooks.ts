/** Calls every hook that there is; one that throws disturbs neither the others nor the caller. */
export function tell<A>(
  hooks: Iterable<((argument: A) => unknown) | undefined>,
  argument: A,
  onError: (error: unknown) => void,
): void {
  for (const hook of [...hooks]) {
    try {
      hook?.(argument);
    } catch (error) {
      onError(error);
    }
  }
}
