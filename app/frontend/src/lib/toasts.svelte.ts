import { explain } from "$lib/errors";

interface Toast {
  id: number;
  message: string;
}

const MOST = 3;

export const toasts = $state<Toast[]>([]);

let last = 0;

/** Says it until the person closes it: an error that vanishes by itself was never read. */
function say(message: string): void {
  dismissAll(message);
  toasts.push({ id: ++last, message });
  toasts.splice(0, Math.max(0, toasts.length - MOST));
}

export function complain(error: unknown): void {
  say(explain(error));
}

export function dismiss(id: number): void {
  const index = toasts.findIndex((toast) => toast.id === id);
  if (index >= 0) toasts.splice(index, 1);
}

/** The same words twice are no news. */
function dismissAll(message: string): void {
  for (const toast of toasts.filter((each) => each.message === message)) dismiss(toast.id);
}
