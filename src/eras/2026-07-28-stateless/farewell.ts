// Streams of `subscriptions/listen` that end because the program does: a result as the last message tells
// the client that this was meant, and was no broken connection.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions
import type { Outlet } from "../../bridge/bridge.ts";
import { composeEnd } from "../../bridge/listeners.ts";
import type { Message } from "../../frame/message.ts";

export interface Farewell {
  /**
   * @param gone aborts when the client has gone by itself
   * @returns where the bridge answers from now on
   */
  promise(listen: Message, outlet: Outlet, gone: AbortSignal): Outlet;
  /** Ends every stream that is still open. */
  say(): void;
}

export function createFarewell(): Farewell {
  /** Ids of requests as JSON text, by where they are answered. */
  const open = new Map<Outlet, string>();

  return {
    promise(listen, outlet, gone) {
      open.set(outlet, listen.id);
      gone.addEventListener("abort", () => open.delete(outlet));
      return {
        ...outlet,
        finish(...answer) {
          open.delete(outlet);
          outlet.finish(...answer);
        },
      };
    },
    say() {
      for (const [outlet, id] of open) outlet.finish(composeEnd(id));
      open.clear();
    },
  };
}
