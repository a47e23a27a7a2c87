// Follows a request and its answer, as far as it is about lists: what the client is told that can change, what it is shown,
// and what becomes of its calls to tools that are gone.
import type { Responder } from "../../bridge/bridge.ts";
import { within } from "../../deadline.ts";
import { isToolError } from "../../frame/answer.ts";
import { stringParam, type Message } from "../../frame/message.ts";
import type { Behind, ClientLists, ListClients } from "./client-lists.ts";
import type { FetchedLists } from "./fetched-lists.ts";
import { explainGone } from "./gone-tool.ts";
import { acknowledgeChanges, declareChanges, readListenFilter } from "./announcements.ts";
import { isListMethod, type ListFeature } from "./list-methods.ts";
import { peerKey, type Peer } from "./peer.ts";

export interface RequestFollowingOptions {
  registry: Pick<ListClients, "of">;
  fetched: Pick<FetchedLists, "add">;
  /** The features of which changes are announced. */
  announced: readonly ListFeature[];
  /** The client makes a call. @returns what it misses of its tools */
  calls(client: ClientLists, peer: Peer): Promise<Behind | undefined>;
  /** The client listens. */
  listens(peer: Peer): void;
}

/** Where the answer to a request goes, as the client gets it. */
export type FollowListRequest = (request: Message, peer: Peer, responder: Responder) => Responder;

/** The requests that have to be followed. */
export const FOLLOWED: ReadonlySet<string> = new Set([
  "initialize",
  "prompts/list",
  "resources/list",
  "resources/templates/list",
  "server/discover",
  "subscriptions/listen",
  "tools/call",
  "tools/list",
]);

/** A call that has failed waits as long as this for the present list, in milliseconds. */
const EXPLAINS_WITHIN = 3_000;

export function createRequestFollowing(options: RequestFollowingOptions): FollowListRequest {
  const { registry, fetched, announced, calls, listens } = options;

  function followCall(request: Message, peer: Peer, responder: Responder): Responder {
    const client = registry.of(peer);
    if (client === undefined || client.tools.current.has(peer.tools.edition)) return responder;
    const checked = calls(client, peer);
    const name = stringParam(request, "name") ?? "";
    const explain = async (answer: Uint8Array) => {
      const behind = await within(EXPLAINS_WITHIN, checked);
      return behind?.difference.removed.includes(name) ? explainGone(answer, name, behind.since) : answer;
    };
    return {
      ...responder,
      respond(answer, code) {
        if (code === undefined && !isToolError(answer)) return responder.respond(answer, code);
        void explain(answer).then((explained) => responder.respond(explained, code));
      },
    };
  }

  function followList(request: Message, peer: Peer, responder: Responder): Responder {
    const client = registry.of(peer);
    const { method } = request;
    if (client === undefined || !isListMethod(method)) return responder;
    const { edition } = peer.tools;
    const cursor = stringParam(request, "cursor");
    return {
      ...responder,
      respond(answer, code) {
        responder.respond(answer, code);
        if (code === undefined)
          fetched.add(client, { method, view: peer.view, cursor, edition, page: answer });
      },
    };
  }

  /** The first notification on a stream that listens is its acknowledgment. */
  function followListening(request: Message, peer: Peer, responder: Responder): Responder {
    const asked = readListenFilter(request);
    let isAcknowledged = false;
    return {
      ...responder,
      notify(message, isGuessed) {
        if (isAcknowledged) return responder.notify(message, isGuessed);
        isAcknowledged = true;
        const own = announced.filter((feature) => asked.has(feature));
        responder.notify(acknowledgeChanges(message, own), isGuessed);
        listens(peer);
      },
    };
  }

  return (request, peer, responder) => {
    // Those who are not told apart cannot be told anything.
    if (peerKey(peer) === undefined) return responder;
    switch (request.method) {
      case "tools/call":
        return followCall(request, peer, responder);
      case "initialize":
        // Without a stream to the client nothing can be announced.
        return peer.tell === undefined ? responder : followGreeting(announced, responder);
      case "server/discover":
        return followGreeting(announced, responder);
      case "subscriptions/listen":
        return followListening(request, peer, responder);
      default:
        return followList(request, peer, responder);
    }
  };
}

function followGreeting(announced: readonly ListFeature[], responder: Responder): Responder {
  return {
    ...responder,
    respond(answer, code) {
      responder.respond(code === undefined ? declareChanges(answer, announced) : answer, code);
    },
  };
}
