// What the person who runs the server is told: that its tools have changed, once however many clients notice it, and which
// client still has an old list.
import type { ListSketch } from "./list-sketch.ts";
import { shownIn, type Behind, type ClientLists, type ShownList } from "./client-lists.ts";
import { isDifferent, namesIn, narrowDifference, type ToolDifference } from "./tool-difference.ts";

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
  /** Once for each list that a client has, and what it misses there. */
  stale(client: ClientLists, behind: Behind): void;
  /** The same when the client has had time to fetch its list again, and has not done so. */
  expectFetch(client: ClientLists, behind: Behind): void;
  /** The server has been started anew. */
  restarted(): void;
  close(): void;
}

/** What has been told of a tool last. */
interface Telling {
  /** Empty for a tool that is gone. */
  readonly digest: string;
  readonly words: string;
  /** How often it was the same words. */
  times: number;
}

/** Milliseconds that a client has to fetch its list again. */
export const FETCHES_WITHIN = 5_000;
/** The same is said of a tool so often between restarts: a server may describe it otherwise at each start of a process. */
const MOST_REPEATED = 3;
/** Tools that are kept in mind. */
const MOST_KNOWN = 10_000;

export function createChangeReport(options: ChangeReportOptions, patience = FETCHES_WITHIN): ChangeReport {
  const told = new Map<string, Telling>();
  /** What was reported of a list, by name: a server may describe the same tools otherwise at each start. */
  const missed = new WeakMap<ShownList, string>();
  const waiting = new Map<string, Timer>();

  function stale(client: ClientLists, behind: Behind): void {
    const { shown, difference } = behind;
    const { tools, name, subject, version } = client;
    if (shownIn(tools, behind.view) !== shown || !isDifferent(difference)) return;
    const names = JSON.stringify([difference.added, difference.removed, difference.changed]);
    if (missed.get(shown) === names) return;
    missed.set(shown, names);
    options.toolsStale({
      client: name,
      ...(subject !== undefined && { subject }),
      missing: difference.added,
      removed: difference.removed,
      changed: difference.changed,
      since: shown.at,
      query: `?v=${version + 1}`,
    });
  }

  return {
    changed(difference, present) {
      const tell = (name: string) => {
        const digest = present.tools.get(name)?.digest ?? "";
        const words = difference.details[name]?.join() ?? "";
        const before = told.get(name);
        if (before?.digest === digest) return false;
        const isRepeated = words !== "" && before?.words === words;
        const times = isRepeated ? before.times + 1 : 1;
        told.set(name, { digest, words, times });
        return times <= MOST_REPEATED;
      };
      if (told.size >= MOST_KNOWN) told.clear();
      const news = narrowDifference(difference, new Set(namesIn(difference).filter(tell)));
      if (isDifferent(news)) options.toolsChanged(news);
    },
    restarted() {
      for (const telling of told.values()) telling.times = 0;
    },
    stale,
    expectFetch(client, behind) {
      const key = JSON.stringify([client.key, behind.view]);
      clearTimeout(waiting.get(key));
      const timer = setTimeout(() => {
        waiting.delete(key);
        stale(client, behind);
      }, patience);
      timer.unref();
      waiting.set(key, timer);
    },
    close() {
      for (const timer of waiting.values()) clearTimeout(timer);
      waiting.clear();
    },
  };
}
