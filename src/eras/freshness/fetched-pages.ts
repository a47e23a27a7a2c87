// Makes a list of the pages that a client fetches. A client that asks again mostly gets the same, which need not be read again.
import type { ToolEdition } from "../../bridge/bridge.ts";
import { createShownList, show, type ShownList, type TrackedList } from "./client-lists.ts";
import type { ListReader } from "./list-sketch.ts";

export interface FetchedPages {
  /** The first page, and so another list. */
  begin(list: TrackedList, page: FirstPage): ShownList;
  /** One more page of the list that was fetched last in this view. @param cursor it was asked for with */
  add(shown: ShownList, cursor: string, page: Uint8Array): void;
}

export interface FirstPage {
  readonly view: string;
  readonly edition: ToolEdition;
  readonly page: Uint8Array;
}

interface PageReading extends Pick<ListReader, "add"> {
  /** Of the first page, as long as that is all. */
  fingerprint: number | bigint | undefined;
}

export function createFetchedPages(now: () => number): FetchedPages {
  const readings = new WeakMap<ShownList, PageReading>();

  return {
    begin(list, { view, edition, page }) {
      const shown = list.byView.get(view);
      const fingerprint = fingerprintOf(page);
      const known = shown && readings.get(shown);
      if (shown?.edition === edition && known?.fingerprint === fingerprint) {
        const again = { ...shown, at: now() };
        readings.set(again, known);
        show(list, view, again);
        return again;
      }
      const created = createShownList(list.method, now(), edition);
      created.add(undefined, page);
      readings.set(created, { add: created.add, fingerprint });
      show(list, view, created);
      list.current.add(edition);
      return created;
    },
    add(shown, cursor, page) {
      const reading = readings.get(shown);
      if (reading === undefined) return;
      reading.add(cursor, page);
      reading.fingerprint = undefined;
    },
  };
}

/** Of everything behind the id. */
function fingerprintOf({ buffer, byteOffset, byteLength }: Uint8Array): number | bigint {
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  return Bun.hash(bytes.subarray(Math.max(0, bytes.indexOf('"result"'))));
}
