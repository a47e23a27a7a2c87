// Which lists each client was shown. A client is a person with an OAuth client, or a name where nobody signs in.
import type { ToolEdition } from "../../bridge/bridge.ts";
import { listedBy, type ListMethod } from "./list-methods.ts";
import type { KeptLists } from "./kept-lists.ts";
import { createListReader, type ListReader, type ListSketch } from "./list-sketch.ts";
import { peerKey, peerName, type Peer } from "./peer.ts";
import type { ToolDifference } from "./tool-difference.ts";

/** One of the lists of a client. */
export interface TrackedList {
  readonly method: ListMethod;
  /** What the client fetched last; `undefined` when nothing is known of it. */
  shown: ShownList | undefined;
  /** What it fetched last in each view: a server may offer a client with other capabilities other things. */
  readonly byView: Map<string, ShownList>;
  /** The editions that the client has fetched, or whose list is known to be the one that it was shown. */
  readonly current: WeakSet<ToolEdition>;
  /** The lists of other editions, once they have been asked for. */
  readonly present: WeakMap<ToolEdition, Promise<ListSketch | undefined>>;
  /** What the client misses of other editions. */
  readonly behind: WeakMap<ToolEdition, Behind>;
}

export interface ShownList extends Pick<ListReader, "sketch"> {
  /** When it was fetched. */
  readonly at: number;
  /** Unknown of a list that was fetched in an earlier run. */
  readonly edition: ToolEdition | undefined;
}

/** How a shown list differs from the present one. */
export interface Behind {
  readonly view: string;
  readonly shown: ShownList;
  readonly edition: ToolEdition;
  readonly present: ListSketch;
  /** Empty of anything but tools. */
  readonly difference: ToolDifference;
  /** When it was noticed. */
  readonly since: number;
}

export interface ClientLists {
  readonly key: string;
  readonly name: string;
  readonly subject: string | undefined;
  readonly tools: TrackedList;
  readonly byMethod: Map<ListMethod, TrackedList>;
  /** Resolves when it is known what an earlier run has kept of the client. */
  readonly loaded: Promise<void>;
  isLoaded: boolean;
  /** The list of tools that it fetched last in an earlier run. */
  kept: { readonly view: string; readonly shown: ShownList } | undefined;
  /** 1 for the first list of tools, and one more with each that was another one. */
  version: number;
  /** About the bytes that are kept of it. */
  size: number;
}

export interface ListClients {
  /** `undefined` for clients that are not told apart. */
  of(peer: Pick<Peer, "caller" | "clientInfo">): ClientLists | undefined;
  /** Of those that are in memory. */
  get(key: string): ClientLists | undefined;
  /** How much is kept of a client has changed. */
  resized(client: ClientLists, size: number): void;
}

const MOST_CLIENTS = 1_000;
/** Of one client. */
const MOST_VIEWS = 8;
const MOST_BYTES = 32 * 1024 * 1024;

/** Clients that are forgotten here are found again in the store. */
export function createListClients(memory: Pick<KeptLists, "find">): ListClients {
  const clients = new Map<string, ClientLists>();
  let bytes = 0;

  const trim = (kept: ClientLists) => {
    for (const client of clients.values()) {
      if (clients.size <= MOST_CLIENTS && bytes <= MOST_BYTES) return;
      if (client === kept) continue;
      clients.delete(client.key);
      bytes -= client.size;
    }
  };

  async function load(client: ClientLists): Promise<void> {
    const found = await memory.find(client.key);
    client.isLoaded = true;
    if (found === undefined) return;
    const { at, view, sketch, version } = found;
    const shown: ShownList = { at, edition: undefined, sketch: () => sketch };
    client.version = version;
    client.kept = { view, shown };
    if (client.tools.shown === undefined) show(client.tools, view, shown);
  }

  return {
    of(peer) {
      const key = peerKey(peer);
      if (key === undefined) return undefined;
      const known = clients.get(key);
      if (known !== undefined) return known;
      const client = createClientLists(key, peer, load);
      clients.set(key, client);
      trim(client);
      return client;
    },
    get: (key) => clients.get(key),
    resized(client, size) {
      if (clients.get(client.key) !== client) return;
      bytes += size - client.size;
      client.size = size;
      trim(client);
    },
  };
}

function createClientLists(
  key: string,
  peer: Pick<Peer, "caller" | "clientInfo">,
  load: (client: ClientLists) => Promise<void>,
): ClientLists {
  const tools = createTrackedList("tools/list");
  const loading = Promise.withResolvers<void>();
  const client: ClientLists = {
    key,
    name: peerName(peer),
    subject: peer.caller.principal?.subject,
    tools,
    byMethod: new Map([["tools/list", tools]]),
    loaded: loading.promise,
    isLoaded: false,
    kept: undefined,
    version: 1,
    size: 0,
  };
  void load(client).then(loading.resolve);
  return client;
}

/** The client's list of this kind, which it may not have fetched yet. */
export function trackList(client: ClientLists, method: ListMethod): TrackedList {
  const known = client.byMethod.get(method);
  if (known !== undefined) return known;
  const list = createTrackedList(method);
  client.byMethod.set(method, list);
  return list;
}

function createTrackedList(method: ListMethod): TrackedList {
  return {
    method,
    shown: undefined,
    byView: new Map(),
    current: new WeakSet(),
    present: new WeakMap(),
    behind: new WeakMap(),
  };
}

/** What the client has in a view: what it fetched there, or else what it fetched anywhere. */
export function shownIn({ byView, shown }: TrackedList, view: string): ShownList | undefined {
  return byView.get(view) ?? shown;
}

export function show(list: TrackedList, view: string, shown: ShownList): void {
  list.shown = shown;
  // The one that was used last stands last.
  list.byView.delete(view);
  list.byView.set(view, shown);
  for (const oldest of list.byView.keys()) if (list.byView.size > MOST_VIEWS) list.byView.delete(oldest);
}

/** Nothing is known of the list any more. */
export function forgetShown(list: TrackedList): void {
  list.shown = undefined;
  list.byView.clear();
}

/** A list of which a client has been sent the first page. */
export function createShownList(
  method: ListMethod,
  at: number,
  edition: ToolEdition,
): ShownList & Pick<ListReader, "add"> {
  return { at, edition, ...createListReader(listedBy(method).property) };
}
