// Compares the list that a client was shown with the one that the process serving it has now.
import type { ToolEdition } from "../../bridge/bridge.ts";
import { shownIn, type Behind, type ClientLists, type ShownList, type TrackedList } from "./client-lists.ts";
import type { ListSketch } from "./list-sketch.ts";
import { askForList } from "./own-listing.ts";
import type { Peer } from "./peer.ts";
import { compareTools, isDifferent } from "./tool-difference.ts";

/** @returns what the client misses; `undefined` when that is nothing, or cannot be found out */
export type CompareList = (client: ClientLists, list: TrackedList, peer: Peer) => Promise<Behind | undefined>;

export interface ComparisonOptions {
  now(): number;
  /** The list differs. @param isNews whether that had not been found before */
  differs(client: ClientLists, list: TrackedList, behind: Behind, isNews: boolean): void;
}

/** In milliseconds. */
const ASKS_AGAIN_AFTER = 60_000;

export function createComparison({ now, differs }: ComparisonOptions): CompareList {
  /** @returns `undefined` when it cannot be found out, or is no longer asked */
  async function findBehind(
    list: TrackedList,
    shown: ShownList,
    peer: Peer,
  ): Promise<Behind | "same" | undefined> {
    const { edition } = peer.tools;
    if (list.current.has(edition)) return "same";
    const known = list.behind.get(edition);
    if (known?.shown === shown) return known;
    const present = await findPresent(list, edition, peer);
    const before = shown.sketch();
    // Either may have become another one meanwhile.
    if (present === undefined || shownIn(list, peer.view) !== shown || peer.tools.edition !== edition)
      return undefined;
    if (before === undefined) return undefined;
    const difference = compareTools(before, present);
    const isSame = before.isComplete ? before.digest === present.digest : !isDifferent(difference);
    if (isSame) {
      list.current.add(edition);
      return "same";
    }
    // Several may have asked at the same time.
    const found = list.behind.get(edition);
    if (found?.shown === shown) return found;
    return { view: peer.view, shown, edition, present, difference, since: now() };
  }

  return async (client, list, peer) => {
    if (!client.isLoaded) await client.loaded;
    if (list.shown === undefined || !peer.caller.isValid() || !(await peer.attach())) return undefined;
    const shown = shownIn(list, peer.view);
    const behind = shown && (await findBehind(list, shown, peer));
    if (behind === undefined || behind === "same") return undefined;
    const isNews = list.behind.get(behind.edition) !== behind;
    if (isNews) list.behind.set(behind.edition, behind);
    differs(client, list, behind, isNews);
    return behind;
  };
}

function findPresent(list: TrackedList, edition: ToolEdition, peer: Peer): Promise<ListSketch | undefined> {
  const known = list.present.get(edition);
  if (known !== undefined) return known;
  const asked = askForList(peer, list.method).then((present) => {
    // What could not be had is asked for again, but not with each call.
    if (present === undefined) setTimeout(() => list.present.delete(edition), ASKS_AGAIN_AFTER).unref();
    return present;
  });
  list.present.set(edition, asked);
  return asked;
}
