// `subscriptions/listen` on a server with sessions: keeps the streams that clients have opened, subscribes to resources for
// them, and sends each what it asked for, under its own id.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions
import { composeListenResult } from "../../mcp/subscriptions.ts";
import { composeRequest } from "../../frame/compose.ts";
import { findMember, stringParam, type Message } from "../../frame/message.ts";
import { splice } from "../../frame/splice.ts";
import type { Responder } from "../bridge.ts";
import { addMeta, parseSpan } from "../envelope.ts";
import { META } from "../../mcp/meta.ts";
import type { Multiplexer } from "../process/multiplexer.ts";
import type { RoundWaiter } from "./multi-round-call.ts";

/** The notifications that a stream carries, as in the request and its acknowledgment. */
interface SubscriptionFilter {
  toolsListChanged?: true;
  promptsListChanged?: true;
  resourcesListChanged?: true;
  resourceSubscriptions?: string[];
}

/** A stream that a client has opened. */
interface Subscription {
  /** The client's id of the request, as JSON text. */
  readonly id: string;
  readonly filter: SubscriptionFilter;
  readonly responder: Responder;
}

export interface Subscriptions {
  readonly count: number;
  /** Whether a stream is about a resource, or waits to be acknowledged. */
  isAwaited(): boolean;
  /** Whether a stream is about this resource. */
  isSubscribed(uri: string): boolean;
  /** @returns ends the stream because the client has gone */
  open(request: Message, responder: Responder): () => void;
  /** Sends a notification of the server's on the streams that asked for it; false when none can ask for it. */
  notify(notification: Message): boolean;
  /** Subscribes at a server process that has just started. */
  renew(): void;
  close(): void;
}

export interface SubscriptionsOptions {
  /** Resolves with the capabilities of the server when they are known. */
  capabilities(): Promise<Readonly<Record<string, unknown>>>;
  multiplexer: Pick<Multiplexer<RoundWaiter>, "isSubscribedElsewhere" | "request">;
}

const FLAG: Record<string, "toolsListChanged" | "promptsListChanged" | "resourcesListChanged"> = {
  "notifications/tools/list_changed": "toolsListChanged",
  "notifications/prompts/list_changed": "promptsListChanged",
  "notifications/resources/list_changed": "resourcesListChanged",
};
const UPDATED = "notifications/resources/updated";
/** Resources one stream may be about; what is beyond is not acknowledged. */
const MAX_RESOURCES = 1_000;

export function createSubscriptions({ capabilities, multiplexer }: SubscriptionsOptions): Subscriptions {
  const subscriptions = new Set<Subscription>();
  /** Those that wait until it is known what the server can do. */
  const opening = new Set<Pick<Subscription, "id" | "responder">>();
  /** The resources that streams are about. */
  const findWanted = () => new Set([...subscriptions].flatMap(resourcesOf));

  const request = (method: "resources/subscribe" | "resources/unsubscribe", uris: Iterable<string>) => {
    // Only a subscription needs a process: one that has ended has forgotten them all.
    const wakes = method === "resources/subscribe";
    for (const uri of uris) {
      if (wakes || !multiplexer.isSubscribedElsewhere(uri))
        void multiplexer.request((number) => composeRequest(number, method, { uri }), wakes);
    }
  };

  return {
    get count() {
      return subscriptions.size + opening.size;
    },
    isSubscribed: (uri) => findWanted().has(uri),
    isAwaited: () => opening.size > 0 || findWanted().size > 0,
    open(message, responder) {
      let subscription: Subscription | undefined;
      const waiting = { id: message.id, responder };
      opening.add(waiting);
      void capabilities().then((known) => {
        if (!opening.delete(waiting)) return;
        const filter = honor(readFilter(message), known);
        subscription = { id: message.id, filter, responder };
        request("resources/subscribe", new Set(resourcesOf(subscription)).difference(findWanted()));
        subscriptions.add(subscription);
        responder.notify(acknowledge(subscription));
      });
      return () => {
        opening.delete(waiting);
        if (subscription !== undefined && subscriptions.delete(subscription))
          request("resources/unsubscribe", new Set(resourcesOf(subscription)).difference(findWanted()));
      };
    },
    notify(notification) {
      const { method } = notification;
      const flag = FLAG[method];
      if (flag === undefined && method !== UPDATED) return false;
      const uri = stringParam(notification, "uri") ?? "";
      for (const { id, filter, responder } of subscriptions) {
        const isAsked = flag === undefined ? filter.resourceSubscriptions?.includes(uri) : filter[flag];
        if (isAsked)
          responder.notify(splice(notification.bytes, addMeta(notification, `"${META.subscription}":${id}`)));
      }
      return true;
    },
    renew: () => request("resources/subscribe", findWanted()),
    close() {
      for (const { id, responder } of [...subscriptions, ...opening])
        responder.respond(composeListenResult(id));
      subscriptions.clear();
      opening.clear();
    },
  };
}

function resourcesOf({ filter }: Subscription): readonly string[] {
  return filter.resourceSubscriptions ?? [];
}

function acknowledge({ id, filter }: Subscription): Uint8Array {
  const params = `{"_meta":{"${META.subscription}":${id}},"notifications":${JSON.stringify(filter)}}`;
  return Buffer.from(
    `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":${params}}`,
  );
}

function readFilter(request: Message): Record<string, unknown> {
  const filter = parseSpan(request, findMember(request, request.paramsAt, "notifications"));
  return typeof filter === "object" && filter !== null ? (filter as Record<string, unknown>) : {};
}

/** The part of a filter that the server can serve. */
function honor(
  asked: Record<string, unknown>,
  capabilities: Readonly<Record<string, unknown>>,
): SubscriptionFilter {
  const can = (part: string, feature: string) =>
    (capabilities[part] as Record<string, unknown> | undefined)?.[feature] === true;
  const filter: SubscriptionFilter = {};
  if (asked["toolsListChanged"] === true && can("tools", "listChanged")) filter.toolsListChanged = true;
  if (asked["promptsListChanged"] === true && can("prompts", "listChanged")) filter.promptsListChanged = true;
  if (asked["resourcesListChanged"] === true && can("resources", "listChanged"))
    filter.resourcesListChanged = true;
  const uris = asked["resourceSubscriptions"];
  if (Array.isArray(uris) && can("resources", "subscribe")) {
    filter.resourceSubscriptions = uris
      .filter((uri): uri is string => typeof uri === "string")
      .slice(0, MAX_RESOURCES);
  }
  return filter;
}
