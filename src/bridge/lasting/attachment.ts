// The process that a session is served by: found, told what the client has arranged, and found anew after its end.
import { readMessages, type Message } from "../../frame/message.ts";
import { SERVER_MESSAGE } from "../../frame/names.ts";
import type { ClientSide, Conversation, Opening, SessionSetup } from "../bridge.ts";
import { quoteError } from "../quote-error.ts";
import { replaySetup } from "./setup-replay.ts";

export interface Attachment {
  /** The session on the process; `undefined` while none serves it. */
  readonly conversation: Conversation | undefined;
  /** Whether a call can be made at once. */
  readonly isReady: boolean;
  /** Why no process can be used. */
  readonly problem: string | undefined;
  /** Begins with the client's `initialize`, which is not sent. @returns false when every process is busy */
  begin(initialize: Message): Promise<boolean>;
  /** Has a process go on with the session. @returns false when every process is busy */
  renew(setup: SessionSetup): Promise<boolean>;
  /** Not ready from now on, until the process has ended and another one goes on. */
  hold(): void;
  /** Bytes more that the client has not taken of what it was sent; negative when it took some. */
  unread(change: number): void;
  close(): void;
}

export interface AttachmentOptions {
  sendUnrelated(message: Uint8Array): void;
  /** Finds a process for the session; it has had no `initialize` of it. */
  open(initialize: Message, client: ClientSide): Promise<Opening>;
  /** How often the server has been restarted so far. */
  restartCount(): number;
  /** The process has ended. */
  lost(): void;
}

export function createAttachment(options: AttachmentOptions): Attachment {
  const { sendUnrelated, open, lost, restartCount } = options;
  let conversation: Conversation | undefined;
  /** On a process that is still told what the client has arranged. */
  let next: Conversation | undefined;
  let isHeld = false;
  let isClosed = false;
  let problem: string | undefined;
  let unread = 0;
  let renewing: Promise<boolean> | undefined;

  async function openOn(initialize: Message): Promise<Opening> {
    let own: Conversation | undefined;
    const closed = () => {
      if (own === undefined || conversation !== own) return;
      // A process that lives on must not wait for a client that it has no more.
      own.unread(-unread);
      conversation = undefined;
      if (!isClosed) lost();
    };
    const opening = await open(initialize, { sendUnrelated, closed });
    if (opening.outcome === "open") own = opening.conversation;
    problem = opening.outcome === "unusable" ? opening.reason : undefined;
    return opening;
  }

  function use(opened: Conversation): void {
    conversation = opened;
    isHeld = false;
    opened.unread(unread);
  }

  async function replace(setup: SessionSetup): Promise<boolean> {
    const opening = await openOn(setup.initialize);
    if (opening.outcome !== "open") return opening.outcome !== "busy";
    const restarts = restartCount();
    next = opening.conversation;
    if (isClosed) next.close();
    const refusal = await replaySetup(next, setup, sendUnrelated);
    next = undefined;
    // The process has been replaced meanwhile, and what it said means nothing.
    const isOutdated = restarts !== restartCount();
    if (refusal === undefined && !isOutdated && !isClosed) {
      use(opening.conversation);
      return true;
    }
    opening.conversation.close();
    if (isOutdated && !isClosed) return replace(setup);
    if (refusal !== undefined) problem = describeRefusal(refusal);
    return true;
  }

  return {
    get conversation() {
      return conversation;
    },
    get isReady() {
      return conversation !== undefined && !isHeld;
    },
    get problem() {
      return problem;
    },
    async begin(initialize) {
      const opening = await openOn(initialize);
      if (opening.outcome === "open") use(opening.conversation);
      return opening.outcome !== "busy";
    },
    renew: (setup) => (renewing ??= replace(setup).finally(() => (renewing = undefined))),
    hold: () => void (isHeld = conversation !== undefined),
    unread(change) {
      unread += change;
      conversation?.unread(change);
    },
    close() {
      isClosed = true;
      conversation?.close();
      next?.close();
    },
  };
}

function describeRefusal(answer: Uint8Array): string {
  const reading = readMessages(answer, SERVER_MESSAGE);
  const quoted = "messages" in reading ? `: ${quoteError(reading.messages[0])}` : "";
  return `The MCP server refuses to begin${quoted}.`;
}
