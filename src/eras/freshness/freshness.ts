// Notices when the lists that a client was shown are no longer those of the server, whatever has happened in between: a
// restart of the server or of this program, or a process that has made room for another one. The client is told, the
// person who runs the server too, and a call to a tool that is gone says so.
import type { ToolCatalog } from "../../bridge/bridge.ts";
import type { Caller } from "../caller.ts";
import { createChangeReport, FETCHES_WITHIN, type ChangeReportOptions } from "./change-report.ts";
import { createListClients, type Behind, type ClientLists } from "./client-lists.ts";
import { createComparison } from "./comparison.ts";
import { createFetchedLists } from "./fetched-lists.ts";
import { createKeptLists, type KeptListsOptions } from "./kept-lists.ts";
import { createAudience } from "./audience.ts";
import { peerKey, type Peer } from "./peer.ts";
import { createRequestFollowing, FOLLOWED, type FollowListRequest } from "./request-following.ts";

export interface Freshness {
  /** Whether a request can go by as it is: cheap, to be asked first. */
  passes(method: string, caller: Caller, clientInfo: string | undefined, tools: ToolCatalog): boolean;
  follow: FollowListRequest;
  /** A session begins or goes on, or a stream that listens. */
  join(peer: Peer): void;
  leave(peer: Peer): void;
  /** The client listens: it is told what has changed before. */
  listens(peer: Peer): void;
  /** The server has been started anew: compares the lists of all clients that are connected. */
  restarted(): Promise<void>;
  /** Writes what is not written yet. */
  close(): Promise<void>;
}

export interface FreshnessOptions extends KeptListsOptions, ChangeReportOptions {
  /** Whether the server is started anew under open sessions; prompts and resources are compared only then. */
  restarts: boolean;
  /** How long a client may take to fetch its list again, in milliseconds: `FETCHES_WITHIN` unless given. */
  fetchesWithin?: number;
}

export function createFreshness(options: FreshnessOptions): Freshness {
  const { now, restarts, fetchesWithin = FETCHES_WITHIN } = options;
  const memory = createKeptLists(options);
  const registry = createListClients(memory);
  const report = createChangeReport(options, fetchesWithin);
  const fetched = createFetchedLists({ now, memory, registry, report });
  const audience = createAudience();
  const compare = createComparison({
    now,
    differs(client, list, behind, isNews) {
      audience.tell(client, list, behind);
      // Another view of the same tools says nothing of a change.
      const isOwnView = list.byView.get(behind.view) === behind.shown;
      if (isNews && isOwnView && list === client.tools) report.changed(behind.difference, behind.present);
    },
  });

  async function check(client: ClientLists, peer: Peer, isCalling: boolean): Promise<Behind | undefined> {
    // Nobody waits for it: a process that cannot be asked is asked another time.
    const behind = await compare(client, client.tools, peer).catch(() => undefined);
    if (behind === undefined) return undefined;
    // A client that hears of it now may have made its call before.
    const hasTime = now() < behind.since + fetchesWithin && audience.isHeard(client);
    if (hasTime) report.expectFetch(client, behind);
    else if (isCalling) report.stale(client, behind);
    return behind;
  }

  function listens(peer: Peer): void {
    const client = registry.of(peer);
    if (client !== undefined) void check(client, peer, false);
  }

  async function checkAll(peer: Peer): Promise<void> {
    const client = registry.of(peer);
    if (client === undefined) return;
    await check(client, peer, false);
    if (!restarts) return;
    for (const list of client.byMethod.values()) await compare(client, list, peer).catch(() => undefined);
  }

  return {
    passes(method, caller, clientInfo, tools) {
      if (!FOLLOWED.has(method)) return true;
      if (method !== "tools/call") return false;
      const key = peerKey({ caller, clientInfo });
      if (key === undefined) return true;
      const client = registry.get(key);
      if (client === undefined) return false;
      const { shown, current } = client.tools;
      return current.has(tools.edition) || (shown === undefined && client.isLoaded);
    },
    follow: createRequestFollowing({
      registry,
      fetched,
      announced: restarts ? ["tools", "prompts", "resources"] : ["tools"],
      calls: (client, peer) => check(client, peer, true),
      listens,
    }),
    join: audience.join,
    leave: audience.leave,
    listens,
    async restarted() {
      report.restarted();
      const attached = [...audience.all()].filter(({ isAttached }) => isAttached);
      await Promise.all(attached.map(checkAll));
    },
    async close() {
      report.close();
      await fetched.flush();
      await memory.flush();
    },
  };
}
