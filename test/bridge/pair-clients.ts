// Clients of the four pairs, of both kinds, without HTTP.
import type { SessionAdapter, StatelessAdapter } from "../../src/bridge/adapter.ts";
import type { Responder } from "../../src/bridge/bridge.ts";
import type { Envelope } from "../../src/bridge/envelope.ts";
import {
  createInbox,
  toMessage,
  writeEnvelope,
  type FakeChild,
  type Inbox,
  type Line,
} from "./fake-child.ts";

/** One request of a client's. */
export interface FakeCall {
  /** The messages before the answer. */
  readonly before: Pick<Inbox, "next" | "rest">;
  readonly answer: Promise<Line>;
  /** The messages after the answer: there must be none. */
  readonly after: () => Line[];
  /** The code the answer was given with. */
  readonly code: () => number | undefined;
  readonly isCancelled: () => boolean;
  /** The client goes away. Only for clients without sessions. */
  readonly leave: () => void;
}

export interface FakeSession {
  call(request: object | string): FakeCall;
  send(message: object | string): void;
  cancel(id: string): void;
  close(): void;
  /** The messages outside any call. */
  readonly unrelated: Pick<Inbox, "next" | "rest">;
  readonly isClosed: () => boolean;
}

export function openFakeSession(adapter: SessionAdapter): FakeSession {
  const unrelated = createInbox();
  let isClosed = false;
  const conversation = adapter.open({ sendUnrelated: unrelated.add, closed: () => void (isClosed = true) });
  return {
    call(request) {
      return track((responder) => {
        conversation.call(toMessage(request), responder);
        return () => {};
      });
    },
    send: (message) => conversation.send(toMessage(message)),
    cancel: (id) => conversation.cancel(id),
    close: () => conversation.close(),
    unrelated,
    isClosed: () => isClosed,
  };
}

export const INITIALIZE = {
  id: 0,
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "fake", version: "1" } },
};
export const INITIALIZE_RESULT = {
  protocolVersion: "2025-06-18",
  capabilities: { tools: {} },
  serverInfo: { name: "fake server", version: "2" },
};

/** A session that has shaken hands with a server with sessions. */
export async function greetLegacy(adapter: SessionAdapter, child: FakeChild): Promise<FakeSession> {
  const session = openFakeSession(adapter);
  const initialize = session.call(INITIALIZE);
  await child.answer("initialize", INITIALIZE_RESULT);
  await initialize.answer;
  session.send({ method: "notifications/initialized" });
  await child.next();
  return session;
}

export function callStateless(
  adapter: StatelessAdapter,
  request: object | string,
  envelope: Envelope = writeEnvelope(),
  callerKey = "ada",
): FakeCall {
  return track((responder) => adapter.serve(callerKey).call(toMessage(request), envelope, responder));
}

function track(begin: (responder: Responder) => () => void): FakeCall {
  const before = createInbox();
  const answers = createInbox();
  let code: number | undefined;
  let isCancelled = false;
  const leave = begin({
    notify: before.add,
    respond(bytes, given) {
      code = given;
      answers.add(bytes);
    },
    cancelled: () => void (isCancelled = true),
  });
  return {
    before,
    answer: answers.next(),
    after: answers.rest,
    code: () => code,
    isCancelled: () => isCancelled,
    leave,
  };
}
