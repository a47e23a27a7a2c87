// Makes a list of the pages that a client fetches. A client that asks again mostly gets the same, which need not be read again.
import type { ToolEdition } from "../../bridge/bridge.ts";
import { createShownList, type ShownList, type TrackedList } from "./client-lists.ts";
import type { ListReader } from "./list-sketch.ts";

export interface FetchedPages {
  /** The first page, and so another list. */
  begin(list: TrackedList, edition: ToolEdition, page: Uint8Array): void;
  /** One more page. @param cursor it was asked for with */
  add(list: TrackedList, cursor: string, page: Uint8Array): void;
}

interface PageReading extends Pick<ListReader, "add"> {
  /** Of the first page, as long as that is all. */
  fingerprint: number | bigint | undefined;
}

export function createFetchedPages(now: () => number): FetchedPages {
  const readings = new WeakMap<ShownList, PageReading>();

  return {
    begin(list, edition, page) {
      const { method, shown } = list;
      const fingerprint = fingerprintOf(page);
      const known = shown && readings.get(shown);
      list.behind = undefined;
      if (shown?.edition === edition && known?.fingerprint === fingerprint) {
        list.shown = { ...shown, at: now() };
        readings.set(list.shown, known);
        return;
      }
      const created = createShownList(method, now(), edition);
      created.add(undefined, copyOf(page));
      readings.set(created, { add: created.add, fingerprint });
      list.shown = created;
      list.current = new WeakSet([edition]);
    },
    add({ shown }, cursor, page) {
      const reading = shown && readings.get(shown);
      if (reading === undefined) return;
      reading.add(cursor, copyOf(page));
      reading.fingerprint = undefined;
    },
  };
}

/** The message may still be on its way, and be part of a larger buffer. */
function copyOf(page: Uint8Array): Uint8Array {
  return new Uint8Array(page);
}

/** Of everything behind the id. */
function fingerprintOf({ buffer, byteOffset, byteLength }: Uint8Array): number | bigint {
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  return Bun.hash(bytes.subarray(Math.max(0, bytes.indexOf('"result"'))));
}
