// Compares the list that a client was shown with the one that the process serving it has now.
import type { ToolEdition } from "../../bridge/bridge.ts";
import type { Behind, ClientLists, ShownList, TrackedList } from "./client-lists.ts";
import type { ListSketch } from "./list-sketch.ts";
import { askForList } from "./own-listing.ts";
import type { Peer } from "./peer.ts";
import { compareTools, isDifferent } from "./tool-difference.ts";

/** @returns what the client misses; `undefined` when that is nothing, or cannot be found out */
export type CompareList = (client: ClientLists, list: TrackedList, peer: Peer) => Promise<Behind | undefined>;

export interface ComparisonOptions {
  now(): number;
  /** The list differs, which may have been found before. */
  differs(client: ClientLists, list: TrackedList, behind: Behind): void;
}

export function createComparison({ now, differs }: ComparisonOptions): CompareList {
  /** @returns `undefined` when it cannot be found out, or is no longer asked */
  async function findBehind(
    list: TrackedList,
    shown: ShownList,
    peer: Peer,
  ): Promise<Behind | "same" | undefined> {
    const { edition } = peer.tools;
    if (list.current.has(edition)) return "same";
    if (list.behind?.edition === edition) return list.behind;
    const present = await findPresent(list, edition, peer);
    const before = shown.sketch();
    // Either may have become another one meanwhile.
    if (present === undefined || list.shown !== shown || peer.tools.edition !== edition) return undefined;
    if (before === undefined) return undefined;
    const difference = compareTools(before, present);
    const isSame = before.isComplete ? before.digest === present.digest : !isDifferent(difference);
    if (isSame) {
      list.current.add(edition);
      return "same";
    }
    // Several may have asked at the same time.
    return list.behind?.edition === edition ? list.behind : { edition, present, difference, since: now() };
  }

  return async (client, list, peer) => {
    if (!client.isLoaded) await client.loaded;
    if (list.shown === undefined || !peer.caller.isValid() || !(await peer.attach())) return undefined;
    const behind = await findBehind(list, list.shown, peer);
    if (behind === undefined) return undefined;
    list.behind = behind === "same" ? undefined : behind;
    if (list.behind !== undefined) differs(client, list, list.behind);
    return list.behind;
  };
}

function findPresent(list: TrackedList, edition: ToolEdition, peer: Peer): Promise<ListSketch | undefined> {
  const known = list.present.get(edition);
  if (known !== undefined) return known;
  const asked = askForList(peer, list.method).then((present) => {
    // What could not be had is asked for again.
    if (present === undefined) list.present.delete(edition);
    return present;
  });
  list.present.set(edition, asked);
  return asked;
}
