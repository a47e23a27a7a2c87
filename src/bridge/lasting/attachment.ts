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
  const state: AttachmentState = {
    conversation: undefined,
    prepared: undefined,
    isHeld: false,
    isClosed: false,
    problem: undefined,
    unread: 0,
  };
  let attaching: Promise<boolean> | undefined;
  /** One at a time, however many ask for it. */
  const once = (attach: () => Promise<boolean>) =>
    (attaching ??= attach().finally(() => (attaching = undefined)));

  return {
    get conversation() {
      return state.conversation;
    },
    get isReady() {
      return state.conversation !== undefined && !state.isHeld;
    },
    get problem() {
      return state.problem;
    },
    begin: (initialize) => once(() => begin(state, options, initialize)),
    renew: (setup) => once(() => renew(state, options, setup)),
    hold: () => void (state.isHeld = state.conversation !== undefined),
    unread(change) {
      state.unread += change;
      state.conversation?.unread(change);
    },
    close() {
      state.isClosed = true;
      state.conversation?.close();
      state.prepared?.close();
    },
  };
}

interface AttachmentState {
  conversation: Conversation | undefined;
  /** Told what the client has arranged, and not in use yet. */
  prepared: Conversation | undefined;
  isHeld: boolean;
  isClosed: boolean;
  problem: string | undefined;
  unread: number;
}

async function open(
  state: AttachmentState,
  options: AttachmentOptions,
  initialize: Message,
): Promise<Opening> {
  let own: Conversation | undefined;
  const closed = () => {
    if (own === undefined || state.conversation !== own) return;
    // A process that lives on must not wait for a client that it has no more.
    own.unread(-state.unread);
    state.conversation = undefined;
    state.isHeld = false;
    if (!state.isClosed) options.lost();
  };
  const opening = await options.open(initialize, { sendUnrelated: options.sendUnrelated, closed });
  if (opening.outcome === "open") own = opening.conversation;
  if (state.isClosed) own?.close();
  state.problem = opening.outcome === "unusable" ? opening.reason : undefined;
  return opening;
}

function use(state: AttachmentState, opened: Conversation): void {
  state.conversation = opened;
  state.isHeld = false;
  opened.unread(state.unread);
}

async function begin(
  state: AttachmentState,
  options: AttachmentOptions,
  initialize: Message,
): Promise<boolean> {
  const opening = await open(state, options, initialize);
  if (opening.outcome === "open" && !state.isClosed) use(state, opening.conversation);
  return opening.outcome !== "busy";
}

async function renew(
  state: AttachmentState,
  options: AttachmentOptions,
  setup: SessionSetup,
): Promise<boolean> {
  const { restartCount, sendUnrelated } = options;
  for (;;) {
    const opening = await open(state, options, setup.initialize);
    if (opening.outcome !== "open") return opening.outcome !== "busy";
    const restarts = restartCount();
    // A server that never answers must not keep a session that its client ends meanwhile.
    state.prepared = opening.conversation;
    const refusal = await replaySetup(opening.conversation, setup, sendUnrelated);
    state.prepared = undefined;
    // The process has been replaced meanwhile, and what it said means nothing.
    const isOutdated = restarts !== restartCount();
    if (refusal === undefined && !isOutdated && !state.isClosed) {
      use(state, opening.conversation);
      return true;
    }
    opening.conversation.close();
    if (state.isClosed) return true;
    if (isOutdated) continue;
    if (refusal !== undefined) state.problem = describeRefusal(refusal);
    return true;
  }
}

function describeRefusal(answer: Uint8Array): string {
  const reading = readMessages(answer, SERVER_MESSAGE);
  const quoted = "messages" in reading ? `: ${quoteError(reading.messages[0])}` : "";
  return `The MCP server refuses to begin${quoted}.`;
}
