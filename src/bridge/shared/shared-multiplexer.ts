// One server process for clients with sessions and clients without. Each kind is served as if it had the process to
// itself; what the server says goes to the kind that it can belong to, and to nobody where that is in doubt.
import { composeError, composeResult } from "../../frame/compose.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import { rawParam, type Message } from "../../frame/message.ts";
import type { PendingCall, Waiter } from "../process/call-table.ts";
import { META } from "../../mcp/meta.ts";
import {
  createMultiplexer,
  type Multiplexer,
  type MultiplexerOptions,
  type OpenMultiplexer,
} from "../process/multiplexer.ts";
import { createKeptMessages, type KeptMessages } from "../process/kept-messages.ts";
import { canRequireInput } from "../client-capabilities.ts";

export interface SharedMultiplexer {
  /** The process as one kind of client has it; those with sessions take it first. */
  openMultiplexer: OpenMultiplexer;
  isAlive(ms: number): Promise<boolean>;
  /** A client is there, so that what the server says can reach somebody. */
  clientArrived(): void;
}

export type SharedMultiplexerOptions = Pick<
  MultiplexerOptions,
  | "acquireChild"
  | "onInvalidOutput"
  | "now"
  | "backpressure"
  | "log"
  | "onServer"
  | "onStderr"
  | "handshake"
  | "aliveRequest"
> & {
  /** Strangers share it. They are asked nothing, and told only what is the same for all of them. */
  isPublic: boolean;
  /** Whether a session is open, which can be asked at any time. */
  hasSessions(): boolean;
};

/** A kind of client. */
interface Side {
  readonly rules: MultiplexerOptions;
  readonly calls: WeakSet<PendingCall>;
}

const LIST_CHANGES: ReadonlySet<string> = new Set([
  "notifications/tools/list_changed",
  "notifications/prompts/list_changed",
  "notifications/resources/list_changed",
]);
/** What each kind finds out for itself whether it is concerned. */
const BROADCAST: ReadonlySet<string> = new Set([
  ...LIST_CHANGES,
  "notifications/cancelled",
  "notifications/resources/updated",
  "notifications/elicitation/complete",
]);

export function createSharedMultiplexer(options: SharedMultiplexerOptions): SharedMultiplexer {
  const { isPublic, hasSessions } = options;
  const sides: Side[] = [];
  /** What the server has said before anybody was there; not for strangers. */
  let early: KeptMessages<Message> | undefined = isPublic
    ? undefined
    : createKeptMessages(({ bytes }) => bytes.length);
  /** Calls in whose course a client can be asked. */
  const asking = new WeakSet<PendingCall>();
  const multiplexer = createMultiplexer<Waiter>({
    ...options,
    onRequest,
    onNotification: (message) => (early === undefined ? pass(message) : early.add(message)),
    onLost: () => sides.forEach(({ rules }) => rules.onLost()),
    isAwaited: () => sides.some(({ rules }) => rules.isAwaited()),
    onReplaced: () => sides.forEach(({ rules }) => rules.onReplaced?.()),
    onInitializeResult: (answer) => sides.forEach(({ rules }) => rules.onInitializeResult?.(answer)),
    onRefused: (refusal) => sides.forEach(({ rules }) => rules.onRefused(refusal)),
  });
  let closing: Promise<void> | undefined;

  function onRequest(message: Message): void {
    if (message.method === "ping") return void multiplexer.send(composeResult(message.id, {}));
    if (!isPublic) return chooseSide().rules.onRequest(message);
    // The answer would come from anybody, and the wire does not say whose call the question is about.
    const reason = "Nobody who has signed in is there to be asked.";
    multiplexer.send(composeError(message.id, ErrorCode.methodNotFound, reason));
  }

  /** The newest call is the best guess there is; without one, somebody who need not come again to be asked. */
  function chooseSide(): Side {
    const newest = [...multiplexer.calls.all()].findLast((call) => asking.has(call));
    const [withSessions, without] = sides as [Side, Side];
    if (newest === undefined) return hasSessions() ? withSessions : without;
    return withSessions.calls.has(newest) ? withSessions : without;
  }

  function pass(message: Message): void {
    for (const { rules } of hearersOf(message)) rules.onNotification(message);
  }

  function clientArrived(): void {
    const kept = early?.drain() ?? [];
    early = undefined;
    kept.forEach(pass);
  }

  function hearersOf(message: Message): readonly Side[] {
    const namesStream = rawParam(message, "_meta", META.subscription) !== undefined;
    if (isPublic) return namesStream || LIST_CHANGES.has(message.method) ? sides : [];
    if (namesStream || BROADCAST.has(message.method)) return sides;
    const inCall = sides.filter(({ calls }) => [...multiplexer.calls.all()].some((call) => calls.has(call)));
    if (inCall.length > 1) return [];
    return inCall.length === 1 ? inCall : sides.slice(0, 1);
  }

  return {
    openMultiplexer<W extends Waiter>(rules: MultiplexerOptions): Multiplexer<W> {
      const side: Side = { rules, calls: new WeakSet() };
      sides.push(side);
      const list = () =>
        [...multiplexer.calls.all()].filter((call) => side.calls.has(call)) as PendingCall<W>[];
      return {
        ...multiplexer,
        calls: {
          get size() {
            return list().length;
          },
          all: list,
          newest: () => list().at(-1),
        },
        start(request, waiter, edits) {
          const call = multiplexer.start(request, waiter, edits) as PendingCall<W>;
          side.calls.add(call);
          if (canRequireInput(request)) asking.add(call);
          clientArrived();
          return call;
        },
        isSubscribedElsewhere: (uri) =>
          sides.some((other) => other !== side && other.rules.isSubscribed?.(uri)),
        close: () => (closing ??= multiplexer.close()),
      };
    },
    isAlive: multiplexer.isAlive,
    clientArrived,
  };
}
