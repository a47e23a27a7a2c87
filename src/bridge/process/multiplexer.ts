// One server process with the calls of all its callers: gives out numbers, brings answers and progress back to the call they
// belong to, and reports to all of them when the process is gone. Other messages of the server are left to one of the four
// pairs.
import { findAnswerId } from "../../frame/answer.ts";
import { composeNotification } from "../../frame/compose.ts";
import { findMember, rawParam, type Message } from "../../frame/message.ts";
import { splice, type Edit } from "../../frame/splice.ts";
import type { BridgeOptions } from "../bridge.ts";
import { decode } from "../../frame/token.ts";
import { createCallTable, type PendingCall, type CallTable, type Waiter } from "./call-table.ts";
import { composeDeclined } from "./declined-request.ts";
import { quoteError } from "../quote-error.ts";
import {
  createRestartingProcess,
  type AcquireChild,
  type RestartingProcess,
  type RestartingProcessOptions,
} from "./restarting-process.ts";
import type { Compose, HandshakeReplay } from "./handshake-replay.ts";
import { printable } from "../../printable.ts";
import type { Backpressure } from "./backpressure.ts";

export interface Multiplexer<W extends Waiter> {
  readonly calls: Pick<CallTable<W>, "size" | "all">;
  /** Sends a caller's request. */
  start(request: Message, waiter: W, edits?: readonly Edit[]): PendingCall<W>;
  /** A number for a request that is sent by `resend`. */
  nextNumber(): number;
  /** Sends a message that is not a request, now or when the process is back; false when it cannot be kept until then. */
  send(bytes: Uint8Array): boolean;
  request: RestartingProcess["request"];
  /** Whether clients of another kind on the same process have subscribed to a resource. */
  isSubscribedElsewhere(uri: string): boolean;
  /** No client waits for the call any more. */
  forget(call: PendingCall<W>): void;
  /** Forgets the call and sends the server a cancellation. */
  cancel(call: PendingCall<W>): void;
  /** Bytes more that clients have not taken of what they were sent; negative when they took some. */
  unread(change: number): void;
  isAlive(ms: number): Promise<boolean>;
  /** Why no call can be made: the process keeps ending. */
  findProblem: RestartingProcess["findProblem"];
  /** The server asks nobody any more: its requests are declined. @param reason a sentence */
  declineRequests(reason: string): void;
  close(): Promise<void>;
}

export interface MultiplexerOptions extends Pick<BridgeOptions, "now" | "log" | "onServer" | "onStderr"> {
  acquireChild: AcquireChild;
  backpressure: Backpressure;
  onInvalidOutput: RestartingProcessOptions["onInvalidOutput"];
  handshake: HandshakeReplay;
  /** A request of the server's. */
  onRequest(message: Message): void;
  /** A notification of the server's; progress is not among them. */
  onNotification(message: Message): void;
  /** The process is gone; its calls are answered after this. */
  onLost(): void;
  /** Whether a client waits for messages of the process though it has no call in flight: one with a subscription. */
  isAwaited(): boolean;
  /** Whether a client has subscribed to a resource. */
  isSubscribed?(uri: string): boolean;
  /** The process that replaces one that has ended is initialized. */
  onReplaced?(): void;
  /** The result of `initialize`. */
  onInitializeResult?(answer: Message): void;
  /** A new process has refused to be initialized; no other one is started. */
  onRefused(refusal: Message): void;
  /** The request that shows whether a process without sessions is alive. */
  aliveRequest?: Compose;
  /** Anonymous callers use it. */
  isPublic?: boolean;
}

export type OpenMultiplexer = <W extends Waiter>(options: MultiplexerOptions) => Multiplexer<W>;

export function createMultiplexer<W extends Waiter>(options: MultiplexerOptions): Multiplexer<W> {
  const { log } = options;
  const server = createRestartingProcess({
    ...options,
    takeRaw,
    onMessage,
    isAwaited: () => [...calls.all()].some(({ waiter }) => !waiter.isListening) || options.isAwaited(),
    onLost(how) {
      options.onLost();
      for (const { waiter } of calls.drain()) waiter.onLost(how, waiter);
    },
    onRefused(refusal) {
      const how = `refused to begin: ${quoteError(refusal)}`;
      for (const { waiter } of calls.drain()) waiter.onLost(how, waiter);
      options.onRefused(refusal);
    },
  });
  const calls = createCallTable<W>(server.nextNumber);
  /** Why the server's requests are declined. */
  let refusal: string | undefined;

  function onMessage(message: Message): void {
    if (message.kind === "request") {
      if (refusal === undefined) return options.onRequest(message);
      return void server.send(composeDeclined(message, refusal), false);
    }
    if (message.kind === "notification") {
      return message.method === "notifications/progress"
        ? passProgress(message, calls)
        : options.onNotification(message);
    }
    const call = calls.get(Number(message.id));
    if (call === undefined)
      return log.debug(`The server answered ${printable(message.id)}, which no call waits for; dropped.`);
    calls.close(call);
    call.waiter.onResponse(message, call.waiter);
  }

  function takeRaw(line: Uint8Array): boolean {
    const at = findAnswerId(line);
    const call = at && calls.get(Number(decode(line, at.start, at.end)));
    if (call?.waiter.onRawResponse === undefined) return false;
    calls.close(call);
    call.waiter.onRawResponse(line, at!, call.waiter);
    return true;
  }

  return {
    calls,
    start(request, waiter, edits) {
      const { call, bytes } = calls.open(request, waiter, edits);
      if (!server.send(bytes, true)) {
        calls.close(call);
        waiter.onLost("takes nothing in, and too much waits for it", waiter);
      }
      return call;
    },
    nextNumber: server.nextNumber,
    send: (bytes) => server.send(bytes, false),
    request: server.request,
    isSubscribedElsewhere: () => false,
    forget: calls.close,
    cancel(call) {
      calls.close(call);
      const params = { requestId: call.number, reason: "The client has gone." };
      server.send(composeNotification("notifications/cancelled", params), false);
    },
    unread: server.unread,
    isAlive: server.isAlive,
    findProblem: server.findProblem,
    declineRequests: (reason) => void (refusal = reason),
    async close() {
      for (const { waiter } of calls.drain()) waiter.onLost("is being stopped", waiter);
      await server.close();
    },
  };
}

/** Under the token that the client gave. */
function passProgress<W extends Waiter>(message: Message, calls: Pick<CallTable<W>, "get">): void {
  const at = findMember(message, message.paramsAt, "progressToken");
  const call = calls.get(Number(rawParam(message, "progressToken")));
  if (at === undefined || call?.progressToken === undefined) return;
  call.waiter.onProgress(splice(message.bytes, [{ at, text: call.progressToken }]), call.waiter);
}
