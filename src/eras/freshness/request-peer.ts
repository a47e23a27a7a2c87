// The client of a request that stands alone. It can be told something only while the request is a stream that listens.
import type { Bridge, Responder, ToolCatalog } from "../../bridge/bridge.ts";
import { writeEnvelope, type Envelope } from "../../bridge/envelope.ts";
import type { Message } from "../../frame/message.ts";
import type { Caller } from "../caller.ts";
import type { ToolAccess } from "../tool-access.ts";
import type { Freshness } from "./freshness.ts";
import { composeListChanged, featureOf, readListenFilter } from "./announcements.ts";
import { composeListRequest, nameView, type Peer } from "./peer.ts";

export interface RequestPeerOptions {
  caller: Caller;
  envelope: Envelope;
  /** Of the server that the request goes to. */
  tools: ToolCatalog;
  bridge: Pick<Bridge, "findServer">;
  toolAccess: ToolAccess;
}

/** A request on its way. */
export interface FollowedRequest {
  /** Where its answer goes. */
  readonly responder: Responder;
  /** Its client has gone. */
  leave(): void;
}

/** To be asked for requests that do not pass. */
export function followRequest(
  freshness: Freshness,
  options: RequestPeerOptions,
  request: Message,
  responder: Responder,
): FollowedRequest {
  const peer = createRequestPeer(options);
  if (request.method === "subscriptions/listen") {
    const asked = readListenFilter(request);
    peer.tell = (notification) => {
      const feature = featureOf(notification);
      if (feature !== undefined && asked.has(feature))
        responder.notify(composeListChanged(notification, request.id));
    };
    freshness.join(peer);
  }
  return {
    responder: freshness.follow(request, peer, responder),
    leave: () => freshness.leave(peer),
  };
}

function createRequestPeer(options: RequestPeerOptions): Peer {
  const { caller, envelope, bridge, toolAccess } = options;
  let { tools } = options;
  let joinedOn = tools.edition;
  let asked = 0;
  return {
    caller,
    clientInfo: envelope.clientInfo,
    view: nameView(envelope.capabilitiesKey),
    get tools() {
      return tools;
    },
    get joinedOn() {
      return joinedOn;
    },
    isAttached: true,
    isConnected: () => true,
    async attach() {
      const server = await bridge.findServer(caller, envelope);
      if (server === undefined) return false;
      if (server.tools !== tools) joinedOn = server.tools.edition;
      ({ tools } = server);
      server.release();
      return true;
    },
    ask(method, cursor) {
      const quiet = { ...envelope, logLevel: undefined };
      const request = composeListRequest(`"mcp-expose-${++asked}"`, method, cursor, writeEnvelope(quiet));
      const { promise, resolve } = Promise.withResolvers<Uint8Array | undefined>();
      const responder: Responder = {
        isOurs: true,
        notify() {},
        respond: (answer, code) => resolve(code === undefined ? answer : undefined),
        cancelled: () => resolve(undefined),
      };
      let isOver = false;
      let end = () => {};
      const make = async () => {
        const server = await bridge.findServer(caller, envelope);
        if (server === undefined) return resolve(undefined);
        if (!isOver) end = server.call(request, quiet, toolAccess.screen(request, caller, responder));
        server.release();
      };
      make().catch(() => resolve(undefined));
      return {
        answer: promise,
        cancel() {
          isOver = true;
          end();
        },
      };
    },
  };
}
