// Whom a limit by source counts. Hosted assistants call for everybody from a few addresses, so a stranger behind one
// could use up what the owner's own connection may do: a client that somebody has approved is counted by itself there.
// By client alone would let strangers from elsewhere use that up, so both count.
import type { Store } from "../../store/store.ts";
import { hashSecret } from "../secrets.ts";
import { groupSource } from "./source.ts";

/** @returns what to count by */
export type CountedSourceOf = (clientId: string, address: string) => string;

export function createCountedSource({ store, now }: { store: Store; now: () => number }): CountedSourceOf {
  return (clientId, address) => {
    const source = groupSource(address);
    return store.hasAccess(clientId, now()) ? `${source} ${hashSecret(clientId)}` : source;
  };
}
