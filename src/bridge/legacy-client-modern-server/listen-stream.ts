// A session's `subscriptions/listen` at a server without sessions: what clients of older revisions are sent unasked, servers
// of newer ones send only on a stream that was opened for it.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions
import { composeNotification } from "../../frame/compose.ts";
import type { Message } from "../../frame/message.ts";
import { readMembers } from "../../frame/scan.ts";
import { removeMembers, splice } from "../../frame/splice.ts";
import { writeEnvelope, type Envelope } from "../envelope.ts";
import { META } from "../../mcp/meta.ts";
import type { Multiplexer } from "../process/multiplexer.ts";
import type { ClientSession, SessionWaiter } from "../client-session.ts";

export interface SessionListenStream {
  /** Listens to what the session wants now; resolves when the server has agreed. */
  open(): Promise<void>;
  /** The server process is gone, and the stream with it. */
  lost(): void;
  /** The server has been started anew: opens the stream again if it was open before. */
  reopen(): void;
  /** A notification on this stream as the client shall see it; `undefined` for any other. */
  receive(notification: Message, subscription: string): Uint8Array | undefined;
  close(): void;
}

/** The preferences that a stream is opened with. */
type StreamOwner = Pick<ClientSession, "resources" | "logLevel"> &
  Pick<Envelope, "clientInfo" | "capabilities">;

/** @param owner the session whose stream it is; read whenever the stream is opened */
export function createSessionListenStream(
  multiplexer: Pick<Multiplexer<SessionWaiter>, "request" | "send">,
  owner: () => StreamOwner,
): SessionListenStream {
  /** Our number of the stream in force. */
  let current: number | undefined;
  let isClosed = false;
  let isCut = false;
  const acknowledged = new Map<number, () => void>();

  const cancel = (number: number) => {
    multiplexer.send(composeNotification("notifications/cancelled", { requestId: number }));
  };

  const open = async () => {
    const before = current;
    const ready = Promise.withResolvers<void>();
    let own = 0;
    const ended = multiplexer.request((number) => {
      own = number;
      current = number;
      acknowledged.set(number, ready.resolve);
      return composeListen(number, owner());
    });
    await Promise.race([ready.promise, ended]);
    acknowledged.delete(own);
    // Only now, so that no notification is lost between the two streams.
    if (before !== undefined) cancel(before);
    if (isClosed) cancel(own);
  };

  return {
    open,
    lost() {
      isCut ||= current !== undefined;
      current = undefined;
    },
    reopen() {
      // The session may have subscribed to more meanwhile, which opened the stream anew.
      if (isCut && current === undefined) void open();
      isCut = false;
    },
    receive(notification, subscription) {
      if (notification.method === "notifications/subscriptions/acknowledged") {
        acknowledged.get(Number(subscription))?.();
        return undefined;
      }
      return Number(subscription) === current ? withoutSubscription(notification) : undefined;
    },
    close() {
      isClosed = true;
      if (current !== undefined) cancel(current);
    },
  };
}

function composeListen(number: number, owner: StreamOwner): Uint8Array {
  const filter = {
    toolsListChanged: true,
    promptsListChanged: true,
    resourcesListChanged: true,
    ...(owner.resources.size > 0 && { resourceSubscriptions: [...owner.resources] }),
  };
  const params = `"notifications":${JSON.stringify(filter)},"_meta":{${writeEnvelope(owner)}}`;
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
