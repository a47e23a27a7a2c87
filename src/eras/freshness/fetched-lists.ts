// What becomes of a list that a client has fetched: it counts as shown at once, and is read, compared with the one before
// and kept a moment later, when no request waits for it.
import type { ToolEdition } from "../../bridge/bridge.ts";
import {
  forgetShown,
  trackList,
  type ClientLists,
  type ListClients,
  type ShownList,
} from "./client-lists.ts";
import type { ChangeReport } from "./change-report.ts";
import { createFetchedPages } from "./fetched-pages.ts";
import type { KeptLists } from "./kept-lists.ts";
import type { ListMethod } from "./list-methods.ts";
import { compareTools, isDifferent } from "./tool-difference.ts";

export interface FetchedList {
  readonly method: ListMethod;
  /** That of the peer that fetched it. */
  readonly view: string;
  /** Of the page; absent for the first one. */
  readonly cursor: string | undefined;
  /** When it was asked for. */
  readonly edition: ToolEdition;
  /** The answer as it went to the client. */
  readonly page: Uint8Array;
}

export interface FetchedLists {
  add(client: ClientLists, fetched: FetchedList): void;
  /** Reads at once what has not been read. */
  flush(): Promise<void>;
}

export interface FetchedListsOptions {
  now(): number;
  memory: Pick<KeptLists, "keep">;
  registry: Pick<ListClients, "resized">;
  report: Pick<ChangeReport, "changed">;
}

/** More pages may follow, in milliseconds. */
const READ_AFTER = 500;
/** A list that a client fetches again and again is written once in a while. */
const WRITTEN_FOR = 60_000;

interface UnreadList {
  readonly client: ClientLists;
  readonly method: ListMethod;
  readonly view: string;
  /** What the client had before in this view; `undefined` where that is not known to be of another time. */
  readonly before: ShownList | undefined;
}

export function createFetchedLists({ now, memory, registry, report }: FetchedListsOptions): FetchedLists {
  const unread = new Map<ShownList, UnreadList>();
  const pages = createFetchedPages(now);
  const written = new WeakMap<ClientLists, { digest: string; at: number }>();
  let timer: Timer | undefined;

  function readTools(shown: ShownList, { client, view, before }: UnreadList): void {
    // The client may have been faster than the store.
    const kept = client.kept?.view === view ? client.kept.shown : undefined;
    client.kept = undefined;
    const sketch = shown.sketch();
    if (sketch === undefined) {
      // Too long to be followed.
      forgetShown(client.tools);
      return registry.resized(client, 0);
    }
    const earlier = (before ?? kept)?.sketch();
    const difference = earlier && compareTools(earlier, sketch);
    if (difference !== undefined && isDifferent(difference)) {
      client.version++;
      report.changed(difference, sketch);
    }
    const last = written.get(client);
    if (last?.digest === sketch.digest && last.at + WRITTEN_FOR > now()) return;
    written.set(client, { digest: sketch.digest, at: now() });
    const size = memory.keep(client.key, { at: shown.at, view, sketch, version: client.version });
    if (size === undefined) forgetShown(client.tools);
    registry.resized(client, size ?? 0);
  }

  async function read(shown: ShownList, unreadList: UnreadList): Promise<void> {
    const { client, method } = unreadList;
    if (!client.isLoaded) await client.loaded;
    if (method === "tools/list") readTools(shown, unreadList);
    else shown.sketch();
  }

  async function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const all = [...unread];
    unread.clear();
    await Promise.all(all.map((one) => read(...one)));
  }

  function addPage(client: ClientLists, { method, view, cursor, edition, page }: FetchedList): void {
    const list = trackList(client, method);
    const known = list.byView.get(view);
    // From a process that it has fetched from already, another list is one that is made for it, and no change of the server.
    const before = list.current.has(edition) ? undefined : known;
    const shown = cursor === undefined ? pages.begin(list, { view, edition, page }) : known;
    if (shown === undefined) return;
    if (cursor !== undefined) pages.add(shown, cursor, page);
    if (!unread.has(shown)) unread.set(shown, { client, method, view, before });
  }

  return {
    add(client, fetched) {
      addPage(client, fetched);
      timer ??= setTimeout(() => void flush(), READ_AFTER).unref();
    },
    flush,
  };
}
