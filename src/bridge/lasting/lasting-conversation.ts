// A session over the ends of its server processes: it is attached to one while that runs. When the next call comes after its
// end, another process is told what the client has arranged, and goes on.
import { findMember, spanText, type Message } from "../../frame/message.ts";
import type { LastingClient, LastingConversation, Responder, SessionSetup, ToolEdition } from "../bridge.ts";
import { NO_TOOLS, respondUnusable } from "../unusable-server.ts";
import { createAttachment, type Attachment, type AttachmentOptions } from "./attachment.ts";
import { createBeginning } from "./beginning.ts";
import { ARRANGES, createSetupRecord } from "./setup-record.ts";
import { createWaitingCalls } from "./waiting-calls.ts";
import type { RoomOfCaller } from "./waiting-room.ts";

export interface LastingConversationOptions extends Pick<AttachmentOptions, "open" | "restartCount"> {
  client: LastingClient;
  /** Shared by all sessions of the caller. */
  room: RoomOfCaller;
  /** Of a session that goes on; absent for one that begins. */
  setup?: SessionSetup;
}

/** A conversation as the bridge restarts it. */
export interface RestartableConversation extends LastingConversation, Pick<Attachment, "begin" | "hold"> {}

/** A session may end while a process is found for it. */
const SESSION_ENDED = "The session has ended before the MCP server answered.";

export function createLastingConversation(options: LastingConversationOptions): RestartableConversation {
  const { client, open, room, restartCount } = options;
  const record = createSetupRecord(options.setup, client.arranged);
  const joined = noteEdition(open);
  const attachment = createAttachment({
    open: joined.open,
    restartCount,
    sendUnrelated: client.sendUnrelated,
    // Where no `initialize` was accepted, there is nothing to go on with.
    lost: () => record.current === undefined && beginning.unanswered === undefined && close(),
  });
  const waiting = createWaitingCalls({ attach: () => attach(), make, room });
  const beginning = createBeginning({ restartCount, again: waiting.add, isClosed: () => isClosed });
  let isClosed = false;

  async function attach(bytes = 0, signal?: AbortSignal): Promise<boolean> {
    const setup = record.current;
    if (attachment.isReady || isClosed) return true;
    if (setup === undefined) {
      // The call itself says why it cannot be made.
      if (beginning.unanswered !== undefined) await attachment.begin(beginning.unanswered);
      return true;
    }
    return (await room.wait(() => attachment.renew(setup), { bytes, signal })) ?? false;
  }

  function make(request: Message, responder: Responder): void {
    const { conversation, problem } = attachment;
    if (conversation === undefined) {
      respondUnusable(request, responder, problem ?? SESSION_ENDED);
      beginning.drop();
      if (record.current === undefined) close();
      return;
    }
    if (!ARRANGES.has(request.method)) return conversation.call(request, responder);
    const asker = request.method === "initialize" ? beginning.follow(request, responder) : responder;
    conversation.call(request, record.follow(request, asker));
  }

  function close(): void {
    if (isClosed) return;
    isClosed = true;
    attachment.close();
    waiting.close(SESSION_ENDED);
    client.closed();
  }

  return {
    get pending() {
      return (attachment.conversation?.pending ?? 0) + waiting.size;
    },
    get isAttached() {
      return attachment.isReady;
    },
    get joinedOn() {
      return joined.on;
    },
    get tools() {
      return (attachment.isReady && attachment.conversation?.tools) || NO_TOOLS;
    },
    attach,
    begin: attachment.begin,
    hold: attachment.hold,
    call(request, responder) {
      if (attachment.isReady) make(request, responder);
      else waiting.add(request, responder);
    },
    send(message) {
      if (message.method === "notifications/initialized") record.initialized();
      if (message.method === "notifications/cancelled" && waiting.cancel(readRequestId(message))) return;
      attachment.conversation?.send(message);
    },
    cancel(id) {
      if (!waiting.cancel(id)) attachment.conversation?.cancel(id);
    },
    unread: attachment.unread,
    close,
  };
}

/** Opens sessions, and notes what each process had of its tools when it took one up. */
function noteEdition(open: AttachmentOptions["open"]) {
  const joined = {
    on: undefined as ToolEdition | undefined,
    async open(...request: Parameters<typeof open>) {
      const opening = await open(...request);
      if (opening.outcome === "open") joined.on = opening.conversation.tools.edition;
      return opening;
    },
  };
  return joined;
}

function readRequestId(notification: Message): string {
  const at = findMember(notification, notification.paramsAt, "requestId");
  return spanText(notification.bytes, at) ?? "";
}
