// The sessions and listen streams that can be told of a change, and what each was told: once for each list.
import type { ToolEdition } from "../../bridge/bridge.ts";
import type { Behind, ClientLists, TrackedList } from "./client-lists.ts";
import { changeOf, listedBy, type ListFeature } from "./list-methods.ts";
import { peerKey, type Peer } from "./peer.ts";

export interface Audience {
  join(peer: Peer): void;
  leave(peer: Peer): void;
  all(): Iterable<Peer>;
  /** Whether a client would hear now what it is told. */
  isHeard(client: ClientLists): boolean;
  /** Tells those of a client that are served by the process whose list differs. */
  tell(client: ClientLists, list: TrackedList, behind: Behind): void;
}

interface AudienceMember {
  readonly peer: Peer;
  readonly key: string;
  /** The digest of the list that it was told of. */
  readonly told: Map<TrackedList["method"], string>;
  /** For what it was told last; several lists may be one feature. */
  readonly toldOn: Map<ListFeature, ToolEdition>;
}

export function createAudience(): Audience {
  const members = new Map<Peer, AudienceMember>();

  function tellOne({ peer, told, toldOn }: AudienceMember, list: TrackedList, behind: Behind): void {
    const { edition, present } = behind;
    const { feature } = listedBy(list.method);
    if (peer.tools.edition !== edition || told.get(list.method) === present.digest) return;
    told.set(list.method, present.digest);
    // The server's own announcement has reached it.
    if (feature === "tools" && edition.isAnnounced && peer.joinedOn !== edition) return;
    if (toldOn.get(feature) === edition) return;
    toldOn.set(feature, edition);
    peer.tell?.(changeOf(feature));
  }

  return {
    join(peer) {
      const key = peerKey(peer);
      if (key === undefined || peer.tell === undefined) return;
      members.set(peer, { peer, key, told: new Map(), toldOn: new Map() });
    },
    leave: (peer) => void members.delete(peer),
    all: () => members.keys(),
    isHeard({ key: wanted }) {
      for (const { peer, key } of members.values()) if (key === wanted && peer.isConnected()) return true;
      return false;
    },
    tell(client, list, behind) {
      for (const member of members.values()) if (member.key === client.key) tellOne(member, list, behind);
    },
  };
}
