// A session's `subscriptions/listen` at a server without sessions: what older clients are told without
// asking, newer servers tell only on a stream that somebody has opened.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions
import { composeNotification } from "../../frame/compose.ts";
import type { Message } from "../../frame/message.ts";
import { readMembers } from "../../frame/scan.ts";
import { removeMembers, splice } from "../../frame/splice.ts";
import { writeEnvelope, type Envelope } from "../envelope.ts";
import { META } from "../../mcp/meta.ts";
import type { Multiplexer } from "../process/multiplexer.ts";
import type { Session, SessionWaiter } from "../session.ts";

export interface Listening {
  /** Listens for what the session wants now; resolves when the server has agreed. */
  open(): Promise<void>;
  /** The server process is gone, and the stream with it. */
  lost(): void;
  /** The server has been started anew: listens again if it listened before. */
  again(): void;
  /** A notification on this stream as the client shall see it; `undefined` for any other. */
  hear(notification: Message, subscription: string): Uint8Array | undefined;
  close(): void;
}

type Listener = Pick<Session, "resources" | "logLevel"> & Pick<Envelope, "clientInfo" | "capabilities">;

/** @param listener whose stream it is; asked whenever the stream is opened */
export function createListening(
  host: Pick<Multiplexer<SessionWaiter>, "request" | "send">,
  listener: () => Listener,
): Listening {
  /** Our number of the stream in force. */
  let current: number | undefined;
  let isClosed = false;
  let isCut = false;
  const acknowledged = new Map<number, () => void>();

  const leave = (number: number) => {
    host.send(composeNotification("notifications/cancelled", { requestId: number }));
  };

  const open = async () => {
    const before = current;
    const ready = Promise.withResolvers<void>();
    let own = 0;
    const ended = host.request((number) => {
      own = number;
      current = number;
      acknowledged.set(number, ready.resolve);
      return composeListen(number, listener());
    });
    await Promise.race([ready.promise, ended]);
    acknowledged.delete(own);
    // Only now: between the two streams nothing must fall.
    if (before !== undefined) leave(before);
    if (isClosed) leave(own);
  };

  return {
    open,
    lost() {
      isCut ||= current !== undefined;
      current = undefined;
    },
    again() {
      // Somebody may have asked for more meanwhile, which began the stream anew.
      if (isCut && current === undefined) void open();
      isCut = false;
    },
    hear(notification, subscription) {
      if (notification.method === "notifications/subscriptions/acknowledged") {
        acknowledged.get(Number(subscription))?.();
        return undefined;
      }
      return Number(subscription) === current ? withoutSubscription(notification) : undefined;
    },
    close() {
      isClosed = true;
      if (current !== undefined) leave(current);
    },
  };
}

function composeListen(number: number, listener: Listener): Uint8Array {
  const filter = {
    toolsListChanged: true,
    promptsListChanged: true,
    resourcesListChanged: true,
    ...(listener.resources.size > 0 && { resourceSubscriptions: [...listener.resources] }),
  };
  const params = `"notifications":${JSON.stringify(filter)},"_meta":{${writeEnvelope(listener)}}`;
  return Buffer.from(`{"jsonrpc":"2.0","id":${number},"method":"subscriptions/listen","params":{${params}}}`);
}

function withoutSubscription({ bytes, paramsAt }: Message): Uint8Array {
  const params = paramsAt && readMembers(bytes, paramsAt.start, paramsAt.end);
  const at = params?.get("_meta");
  const meta = at && readMembers(bytes, at.start, at.end);
  if (params === undefined || meta === undefined) return bytes;
  const edits =
    meta.size === 1
      ? removeMembers(params, (key) => key === "_meta")
      : removeMembers(meta, (key) => key === META.subscription);
  return splice(bytes, edits);
}
