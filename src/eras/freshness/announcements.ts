// What clients must be told so that they listen at all: that lists may change. A server that never announces a change says
// nothing of it, and its clients would hear nothing from us.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions
import { composeNotification } from "../../frame/compose.ts";
import { findMember, readMessages, spanText, type Message } from "../../frame/message.ts";
import { SERVER_MESSAGE } from "../../frame/names.ts";
import { insertMembers, splice, type Edit } from "../../frame/splice.ts";
import { META } from "../../mcp/meta.ts";
import { changeOf, LIST_FEATURES, type ListFeature } from "./list-methods.ts";
import { readListAnswer } from "./list-sketch.ts";

const OPEN_OBJECT = 0x7b;

/** Adds `listChanged` to the features in an answer to `initialize` or `server/discover` that can change and do not say so. */
export function declareChanges(answer: Uint8Array, changing: readonly ListFeature[]): Uint8Array {
  const message = readListAnswer(answer);
  const capabilities = message && findMember(message, message.resultAt, "capabilities");
  if (capabilities === undefined) return answer;
  const edits = changing.flatMap((feature): Edit[] => {
    const at = findMember(message!, capabilities, feature);
    if (at === undefined || message!.bytes[at.start] !== OPEN_OBJECT) return [];
    const said = findMember(message!, at, "listChanged");
    if (said === undefined) return [insertMembers(message!.bytes, at, '"listChanged":true')];
    return spanText(message!.bytes, said) === "true" ? [] : [{ at: said, text: "true" }];
  });
  return edits.length === 0 ? answer : splice(message!.bytes, edits);
}

/** The features whose changes a `subscriptions/listen` request asks for. */
export function readListenFilter(request: Message): ReadonlySet<ListFeature> {
  const filter = findMember(request, request.paramsAt, "notifications");
  return new Set(
    LIST_FEATURES.filter(
      (feature) => spanText(request.bytes, findMember(request, filter, flagOf(feature))) === "true",
    ),
  );
}

/** Adds to the acknowledgment of a listen stream what the client has asked for and we can tell it; other messages stay. */
export function acknowledgeChanges(notification: Uint8Array, asked: Iterable<ListFeature>): Uint8Array {
  const reading = readMessages(notification, SERVER_MESSAGE);
  if ("fault" in reading || reading.batch) return notification;
  const [message] = reading.messages;
  if (message.method !== "notifications/subscriptions/acknowledged") return notification;
  const filter = findMember(message, message.paramsAt, "notifications");
  if (filter === undefined || message.bytes[filter.start] !== OPEN_OBJECT) return notification;
  const missing = [...asked].filter((feature) => !findMember(message, filter, flagOf(feature)));
  if (missing.length === 0) return notification;
  const members = missing.map((feature) => `"${flagOf(feature)}":true`).join(",");
  return splice(message.bytes, [insertMembers(message.bytes, filter, members)]);
}

/** @param subscription the id of the stream it goes out on, as JSON text; without it, for a session */
export function composeListChanged(notification: string, subscription?: string): Uint8Array {
  if (subscription === undefined) return composeNotification(notification);
  const params = `{"_meta":{"${META.subscription}":${subscription}}}`;
  return Buffer.from(`{"jsonrpc":"2.0","method":"${notification}","params":${params}}`);
}

export function featureOf(notification: string): ListFeature | undefined {
  return LIST_FEATURES.find((feature) => changeOf(feature) === notification);
}

function flagOf(feature: ListFeature): string {
  return `${feature}ListChanged`;
}
