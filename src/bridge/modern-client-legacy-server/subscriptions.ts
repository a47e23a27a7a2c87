// `subscriptions/listen` on a server with sessions: keeps the streams that clients listen on, subscribes
// to resources for them, and tells each what it asked for, under its own id.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions
import { composeListenResult } from "../../mcp/subscriptions.ts";
import { composeRequest } from "../../frame/compose.ts";
import { findMember, stringParam, type Message } from "../../frame/message.ts";
import { splice } from "../../frame/splice.ts";
import type { Responder } from "../bridge.ts";
import { addMeta, parseSpan } from "../envelope.ts";
import { META } from "../../mcp/meta.ts";
import type { Compose } from "../process/handshake-replay.ts";

/** What can be listened for, as in the request and its acknowledgment. */
interface Filter {
  toolsListChanged?: true;
  promptsListChanged?: true;
  resourcesListChanged?: true;
  resourceSubscriptions?: string[];
}

interface Listener {
  /** The client's id of the request, as JSON text. */
  readonly id: string;
  readonly filter: Filter;
  readonly responder: Responder;
}

export interface Listeners {
  readonly count: number;
  /** Whether anybody listens for a resource, or waits to be told what can be listened for. */
  isAwaited(): boolean;
  /** Whether anybody listens for this resource. */
  wants(uri: string): boolean;
  /** @returns ends the stream because the client has gone */
  open(request: Message, responder: Responder): () => void;
  /** Tells a notification of the server's to whoever listens for it; false when it is of no such kind. */
  tell(notification: Message): boolean;
  /** Asks a server process that knows nothing yet for what is listened for. */
  renew(): void;
  close(): void;
}

export interface ListenersOptions {
  /** What the server can do, once it is known. */
  capabilities(): Promise<Readonly<Record<string, unknown>>>;
  /** Sends a request to the server; its answer is of no interest. @param wakes whether it starts one that has ended */
  ask(compose: Compose, wakes: boolean): unknown;
  /** Whether somebody who does not listen here wants to hear of a resource. */
  isWantedElsewhere(uri: string): boolean;
}

const FLAG: Record<string, "toolsListChanged" | "promptsListChanged" | "resourcesListChanged"> = {
  "notifications/tools/list_changed": "toolsListChanged",
  "notifications/prompts/list_changed": "promptsListChanged",
  "notifications/resources/list_changed": "resourcesListChanged",
};
const UPDATED = "notifications/resources/updated";
/** Resources one stream may be about; what is beyond is not acknowledged. */
const MAX_RESOURCES = 1_000;

export function createListeners({ capabilities, ask, isWantedElsewhere }: ListenersOptions): Listeners {
  const listeners = new Set<Listener>();
  /** Those who wait until it is known what the server can do. */
  const opening = new Set<Pick<Listener, "id" | "responder">>();
  /** The resources that anybody listens for. */
  const findWanted = () => new Set([...listeners].flatMap(resourcesOf));

  const tellServer = (method: "resources/subscribe" | "resources/unsubscribe", uris: Iterable<string>) => {
    const wakes = method === "resources/subscribe";
    for (const uri of uris) {
      if (wakes || !isWantedElsewhere(uri)) ask((number) => composeRequest(number, method, { uri }), wakes);
    }
  };

  return {
    get count() {
      return listeners.size + opening.size;
    },
    wants: (uri) => findWanted().has(uri),
    isAwaited: () => opening.size > 0 || findWanted().size > 0,
    open(request, responder) {
      let listener: Listener | undefined;
      const waiting = { id: request.id, responder };
      opening.add(waiting);
      void capabilities().then((known) => {
        if (!opening.delete(waiting)) return;
        const filter = honor(readFilter(request), known);
        listener = { id: request.id, filter, responder };
        tellServer("resources/subscribe", new Set(resourcesOf(listener)).difference(findWanted()));
        listeners.add(listener);
        responder.notify(acknowledge(listener));
      });
      return () => {
        opening.delete(waiting);
        if (listener !== undefined && listeners.delete(listener))
          tellServer("resources/unsubscribe", new Set(resourcesOf(listener)).difference(findWanted()));
      };
    },
    tell(notification) {
      const { method } = notification;
      const flag = FLAG[method];
      if (flag === undefined && method !== UPDATED) return false;
      const uri = stringParam(notification, "uri") ?? "";
      for (const { id, filter, responder } of listeners) {
        const isAsked = flag === undefined ? filter.resourceSubscriptions?.includes(uri) : filter[flag];
        if (isAsked)
          responder.notify(splice(notification.bytes, addMeta(notification, `"${META.subscription}":${id}`)));
      }
      return true;
    },
    renew: () => tellServer("resources/subscribe", findWanted()),
    close() {
      for (const { id, responder } of [...listeners, ...opening]) responder.respond(composeListenResult(id));
      listeners.clear();
      opening.clear();
    },
  };
}

function resourcesOf({ filter }: Listener): readonly string[] {
  return filter.resourceSubscriptions ?? [];
}

function acknowledge({ id, filter }: Listener): Uint8Array {
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
function honor(asked: Record<string, unknown>, capabilities: Readonly<Record<string, unknown>>): Filter {
  const can = (part: string, feature: string) =>
    (capabilities[part] as Record<string, unknown> | undefined)?.[feature] === true;
  const filter: Filter = {};
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
