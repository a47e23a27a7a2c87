// The sessions and listen streams that can be told of a change, and what each was told: once for each list.
import type { ToolEdition } from "../../bridge/bridge.ts";
import type { Behind, ClientLists, TrackedList } from "./client-lists.ts";
import { changeOf, listedBy, type ListFeature } from "./list-methods.ts";
import { peerKey, type Peer } from "./peer.ts";

export interface Listeners {
  join(peer: Peer): void;
  leave(peer: Peer): void;
  all(): Iterable<Peer>;
  /** Whether a client would hear now what it is told. */
  isHeard(client: ClientLists): boolean;
  /** Tells those of a client that are served by the process whose list differs. */
  tell(client: ClientLists, list: TrackedList, behind: Behind): void;
}

interface Listener {
  readonly peer: Peer;
  readonly key: string;
  /** When it came, the process had this one. */
  readonly joinedOn: ToolEdition;
  /** The digest of the list that it was told of. */
  readonly told: Map<TrackedList["method"], string>;
  /** For what it was told last; several lists may be one feature. */
  readonly toldOn: Map<ListFeature, ToolEdition>;
}

export function createListeners(): Listeners {
  const listeners = new Map<Peer, Listener>();

  function tellOne({ peer, joinedOn, told, toldOn }: Listener, list: TrackedList, behind: Behind): void {
    const { edition, present } = behind;
    const { feature } = listedBy(list.method);
    if (peer.tools.edition !== edition || told.get(list.method) === present.digest) return;
    told.set(list.method, present.digest);
    // The server's own announcement has reached it.
    if (feature === "tools" && edition.isAnnounced && joinedOn !== edition) return;
    if (toldOn.get(feature) === edition) return;
    toldOn.set(feature, edition);
    peer.tell?.(changeOf(feature));
  }

  return {
    join(peer) {
      const key = peerKey(peer);
      if (key === undefined || peer.tell === undefined) return;
      const joinedOn = peer.tools.edition;
      listeners.set(peer, { peer, key, joinedOn, told: new Map(), toldOn: new Map() });
    },
    leave: (peer) => void listeners.delete(peer),
    all: () => listeners.keys(),
    isHeard({ key: wanted }) {
      for (const { peer, key } of listeners.values()) if (key === wanted && peer.isConnected()) return true;
      return false;
    },
    tell(client, list, behind) {
      for (const listener of listeners.values())
        if (listener.key === client.key) tellOne(listener, list, behind);
    },
  };
}
