import type { Status, StatusStore } from "../connection/status.js";
import type { Observable } from "./observable.js";

/** What a page shows before anything was asked, and what a server renders. */
export const IDLE_STATUS: Status = { state: "disconnected", code: "idle", reason: "", attempt: 0 };

/** The connection's status as one value. Watching it does not connect. */
export function observeStatus({ status }: { readonly status: StatusStore }): Observable<Status> {
  let last = IDLE_STATUS;
  return {
    subscribe(changed) {
      let atOnce = true;
      const unsubscribe = status.subscribe(() => {
        if (!atOnce) changed();
      });
      atOnce = false;
      return unsubscribe;
    },
    get() {
      const { state, code, reason, attempt } = status;
      const isSame =
        last.state === state && last.code === code && last.reason === reason && last.attempt === attempt;
      if (!isSame) last = { state, code, reason, attempt };
      return last;
    },
  };
}
