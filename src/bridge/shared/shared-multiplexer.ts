// One server process for clients with sessions and clients without. Each kind is served as if it had the process to itself.
// A message of the server's goes to the kind that it can belong to, and is dropped where that is in doubt.
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
  /** The process as one kind of client uses it; to be called for the kind with sessions first. */
  openMultiplexer: OpenMultiplexer;
  isAlive(ms: number): Promise<boolean>;
  /** A client is there, so that messages of the server can reach one. */
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
  /** Anonymous callers share it. They are asked nothing, and sent only what is the same for all of them. */
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
/** Each kind finds out for itself whether these concern it. */
const BROADCAST: ReadonlySet<string> = new Set([
  ...LIST_CHANGES,
  "notifications/cancelled",
  "notifications/resources/updated",
  "notifications/elicitation/complete",
]);

export function createSharedMultiplexer(options: SharedMultiplexerOptions): SharedMultiplexer {
  const { isPublic, hasSessions } = options;
  const sides: Side[] = [];
  /** What the server has sent before the first client; not kept for anonymous callers. */
  let early: KeptMessages<Message> | undefined = isPublic
    ? undefined
    : createKeptMessages(({ bytes }) => bytes.length);
  /** Calls during which a client can be asked. */
  const canAsk = new WeakSet<PendingCall>();
  const multiplexer = createMultiplexer<Waiter>({
    ...options,
    onRequest,
    onNotification: (message) => (early === undefined ? forward(message) : early.add(message)),
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
    // Any anonymous caller could answer, and the wire does not say whose call the request is about.
    const reason = "No client that has signed in can be asked.";
    multiplexer.send(composeError(message.id, ErrorCode.methodNotFound, reason));
  }

  /** The newest call is the best guess there is; without one, clients that can be asked without calling first. */
  function chooseSide(): Side {
    const newest = [...multiplexer.calls.all()].findLast((call) => canAsk.has(call));
    const [withSessions, without] = sides as [Side, Side];
    if (newest === undefined) return hasSessions() ? withSessions : without;
    return withSessions.calls.has(newest) ? withSessions : without;
  }

  function forward(message: Message): void {
    for (const { rules } of receiversOf(message)) rules.onNotification(message);
  }

  function clientArrived(): void {
    const kept = early?.drain() ?? [];
    early = undefined;
    kept.forEach(forward);
  }

  function receiversOf(message: Message): readonly Side[] {
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
      return {
        ...multiplexer,
        calls: selectCalls<W>(multiplexer.calls, side),
        start(request, waiter, edits) {
          const call = multiplexer.start(request, waiter, edits) as PendingCall<W>;
          side.calls.add(call);
          if (canRequireInput(request)) canAsk.add(call);
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

/** The calls of one kind of client. */
function selectCalls<W extends Waiter>(
  calls: Multiplexer<Waiter>["calls"],
  side: Side,
): Multiplexer<W>["calls"] {
  const list = () => [...calls.all()].filter((call) => side.calls.has(call)) as PendingCall<W>[];
  return {
    get size() {
      return list().length;
    },
    all: list,
  };
}
