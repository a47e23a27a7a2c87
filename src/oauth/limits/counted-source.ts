// The key that a limit by source counts by. Hosted assistants call for all their users from a few addresses, so a stranger
// behind one could use up the limit of the owner's own connection: an approved client is counted by itself there. Counting by
// client alone would let strangers elsewhere use up its limit, so the key is made of both.
import type { Store } from "../../store/store.ts";
import { hashSecret } from "../secrets.ts";
import { groupSource } from "./source.ts";

/** @returns the key to count by */
export type CountedSourceOf = (clientId: string, address: string) => Promise<string>;

export function createCountedSource({ store, now }: { store: Store; now: () => number }): CountedSourceOf {
  return async (clientId, address) => {
    const source = groupSource(address);
    return (await store.hasAccess(clientId, now())) ? `${source} ${hashSecret(clientId)}` : source;
  };
}
