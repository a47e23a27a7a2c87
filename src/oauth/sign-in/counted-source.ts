// Whom a limit by source counts. Hosted assistants call for everybody from a few addresses, so a stranger behind one
// could use up what the owner's own connection may do: a client that somebody has approved is counted by itself there.
// By client alone would let strangers from elsewhere use that up, so both count.
import type { Store } from "../../store/store.ts";
import { hashSecret } from "../tokens/secrets.ts";
import { groupSource } from "./throttle.ts";

/** @returns what to count by */
export type CountSource = (clientId: string, address: string) => Promise<string>;

export function createSourceCount({ store, now }: { store: Store; now: () => number }): CountSource {
  return async (clientId, address) => {
    const source = groupSource(address);
    return (await store.hasAccess(clientId, now())) ? `${source} ${hashSecret(clientId)}` : source;
  };
}
