// What the person who runs the server is told: that its tools have changed, once however many clients notice it, and which
// client still has an old list.
import type { ListSketch } from "./list-sketch.ts";
import type { Behind, ClientLists, ShownList } from "./client-lists.ts";
import { isDifferent, narrowDifference, type ToolDifference } from "./tool-difference.ts";

/** A client has an older list of tools than the server. */
export interface StaleTools {
  /** What the client calls itself. */
  readonly client: string;
  /** The person it acts for; absent where nobody signs in. */
  readonly subject?: string;
  readonly missing: readonly string[];
  /** It has them, and the server does not. */
  readonly removed: readonly string[];
  readonly changed: readonly string[];
  /** When it fetched its list, in milliseconds since the epoch. */
  readonly since: number;
  /** A query that makes another connector of the URL, for clients that keep a list for a URL: `?v=2`. */
  readonly query: string;
}

export interface ChangeReportOptions {
  toolsChanged(difference: ToolDifference): void;
  toolsStale(stale: StaleTools): void;
}

export interface ChangeReport {
  /** What is different; what has been told of a tool is not told again until the tool is another one. */
  changed(difference: ToolDifference, present: ListSketch): void;
  /** Once for each client and list. */
  stale(client: ClientLists, behind: Behind): void;
  /** The same when the client has had time to fetch its list again, and has not done so. */
  expectFetch(client: ClientLists, behind: Behind): void;
  close(): void;
}

/** Milliseconds that a client has to fetch its list again. */
export const FETCHES_WITHIN = 5_000;
/** Tools that are kept in mind. */
const MOST_KNOWN = 10_000;

export function createChangeReport(options: ChangeReportOptions, patience = FETCHES_WITHIN): ChangeReport {
  /** Digests by name, empty for a tool that is gone. */
  const told = new Map<string, string>();
  /** The digest of the list that was reported to be missed by a client with another one. */
  const missed = new WeakMap<ShownList, string>();
  const waiting = new Map<string, Timer>();

  function stale(client: ClientLists, behind: Behind): void {
    const { present, difference } = behind;
    const { tools, name, subject, version } = client;
    if (tools.behind !== behind || tools.shown === undefined || !isDifferent(difference)) return;
    if (missed.get(tools.shown) === present.digest) return;
    missed.set(tools.shown, present.digest);
    options.toolsStale({
      client: name,
      ...(subject !== undefined && { subject }),
      missing: difference.added,
      removed: difference.removed,
      changed: difference.changed,
      since: tools.shown.at,
      query: `?v=${version + 1}`,
    });
  }

  return {
    changed(difference, present) {
      const digestOf = (name: string) => present.tools.get(name)?.digest ?? "";
      const news = narrowDifference(difference, (name) => told.get(name) !== digestOf(name));
      if (!isDifferent(news)) return;
      if (told.size >= MOST_KNOWN) told.clear();
      for (const name of [...news.added, ...news.removed, ...news.changed]) told.set(name, digestOf(name));
      options.toolsChanged(news);
    },
    stale,
    expectFetch(client, behind) {
      clearTimeout(waiting.get(client.key));
      const timer = setTimeout(() => {
        waiting.delete(client.key);
        stale(client, client.tools.behind ?? behind);
      }, patience);
      timer.unref();
      waiting.set(client.key, timer);
    },
    close() {
      for (const timer of waiting.values()) clearTimeout(timer);
      waiting.clear();
    },
  };
}
