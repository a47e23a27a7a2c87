// The lists that clients were shown, kept beyond this run: written some time after they were fetched, several at once, and
// never while a request waits. What cannot be read or written is forgotten.
import { messageOf } from "../../errors.ts";
import { readRecord, writeRecord, type ShownTools } from "./shown-tools.ts";

/** The part of the store that keeps them. */
export interface ToolListStore {
  keepToolLists(lists: readonly KeptToolList[], bounds: KeptToolListBounds): void | Promise<void>;
  findToolList(
    serverId: string,
    callerKey: string,
  ): KeptToolList | undefined | Promise<KeptToolList | undefined>;
}

export interface KeptToolList {
  serverId: string;
  callerKey: string;
  fetchedAt: number;
  tools: string;
}

export interface KeptToolListBounds {
  perServer: number;
  fetchedAfter: number;
}

export interface KeptLists {
  find(callerKey: string): Promise<ShownTools | undefined>;
  /** @returns the characters it takes; `undefined` when it is too long to be kept */
  keep(callerKey: string, shown: ShownTools): number | undefined;
  /** Writes what is not written yet. */
  flush(): Promise<void>;
}

export interface KeptListsOptions {
  store: ToolListStore | undefined;
  serverId: string;
  now(): number;
  warn(line: string): void;
}

/** How long writing waits for more of it, in milliseconds. */
const WRITE_AFTER = 500;
/** A client that has not fetched its list for a year will fetch it when it comes back. */
const KEPT_FOR = 365 * 24 * 60 * 60_000;
const MOST_CLIENTS = 1_000;

export function createKeptLists({ store, serverId, now, warn }: KeptListsOptions): KeptLists {
  const unwritten = new Map<string, KeptToolList>();
  let timer: Timer | undefined;
  let hasWarned = false;

  function fail(thrown: unknown): void {
    if (hasWarned) return;
    hasWarned = true;
    warn(`Which list of tools each client has cannot be kept over a restart: ${messageOf(thrown)}`);
  }

  async function write(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const lists = [...unwritten.values()];
    unwritten.clear();
    if (lists.length === 0) return;
    try {
      await store?.keepToolLists(lists, { perServer: MOST_CLIENTS, fetchedAfter: now() - KEPT_FOR });
      hasWarned = false;
    } catch (thrown) {
      fail(thrown);
    }
  }

  return {
    async find(callerKey) {
      try {
        const kept = unwritten.get(callerKey) ?? (await store?.findToolList(serverId, callerKey));
        return kept && readRecord(kept.tools, kept.fetchedAt);
      } catch (thrown) {
        fail(thrown);
        return undefined;
      }
    },
    keep(callerKey, shown) {
      const tools = writeRecord(shown);
      if (tools === undefined) return undefined;
      if (store !== undefined) {
        unwritten.set(callerKey, { serverId, callerKey, fetchedAt: shown.at, tools });
        timer ??= setTimeout(() => void write(), WRITE_AFTER).unref();
      }
      return tools.length;
    },
    flush: write,
  };
}
