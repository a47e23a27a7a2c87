// What becomes of a list that a client has fetched: it counts as shown at once, and is read, compared with the one before
// and kept a moment later, when no request waits for it.
import type { ToolEdition } from "../../bridge/bridge.ts";
import { trackList, type ClientLists, type ListClients } from "./client-lists.ts";
import type { ChangeReport } from "./change-report.ts";
import { createFetchedPages } from "./fetched-pages.ts";
import type { KeptLists } from "./kept-lists.ts";
import type { ListMethod } from "./list-methods.ts";
import { compareTools } from "./tool-difference.ts";

export interface FetchedList {
  readonly method: ListMethod;
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
  flush(): void;
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

export function createFetchedLists({ now, memory, registry, report }: FetchedListsOptions): FetchedLists {
  const unread = new Map<ClientLists, Set<ListMethod>>();
  const pages = createFetchedPages(now);
  const written = new WeakMap<ClientLists, { digest: string; at: number }>();
  let timer: Timer | undefined;

  function readTools(client: ClientLists): void {
    const { shown } = client.tools;
    const sketch = shown?.sketch();
    if (shown === undefined || sketch === undefined) {
      // Too long to be followed.
      client.tools.shown = undefined;
      return registry.resized(client, 0);
    }
    const earlier = client.earlier?.sketch();
    if (earlier !== undefined && earlier.digest !== sketch.digest) {
      client.version++;
      // On one process another list is another view of it, and no change of the server.
      if (client.earlier?.edition !== shown.edition) report.changed(compareTools(earlier, sketch), sketch);
    }
    client.earlier = shown;
    const last = written.get(client);
    if (last?.digest === sketch.digest && last.at + WRITTEN_FOR > now()) return;
    written.set(client, { digest: sketch.digest, at: now() });
    const size = memory.keep(client.key, { at: shown.at, sketch, version: client.version });
    if (size === undefined) client.tools.shown = undefined;
    registry.resized(client, size ?? 0);
  }

  async function read(client: ClientLists, methods: ReadonlySet<ListMethod>): Promise<void> {
    if (!client.isLoaded) await client.loaded;
    for (const method of methods) {
      if (method === "tools/list") readTools(client);
      else trackList(client, method).shown?.sketch();
    }
  }

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    const all = [...unread];
    unread.clear();
    for (const [client, methods] of all) void read(client, methods);
  }

  return {
    add(client, { method, cursor, edition, page }) {
      const list = trackList(client, method);
      if (cursor === undefined) {
        if (method === "tools/list") client.earlier ??= list.shown;
        pages.begin(list, edition, page);
      } else pages.add(list, cursor, page);
      const methods = unread.get(client) ?? new Set();
      unread.set(client, methods.add(method));
      timer ??= setTimeout(flush, READ_AFTER).unref();
    },
    flush,
  };
}
