// A server process over its ends and restarts: senders need not know whether it runs right now.
import { describeExit, type Child, type ChildEvents, type ChildExit } from "../../child/child.ts";
import { within } from "../../deadline.ts";
import type { Message } from "../../frame/message.ts";
import { createAwaitedRequests, type AwaitedRequests } from "./awaited-requests.ts";
import type { BridgeOptions } from "../bridge.ts";
import { composePing } from "./own-requests.ts";
import { createMessageReader, type MessageReaderOptions } from "./message-reader.ts";
import { quoteError } from "../quote-error.ts";
import { replayHandshake, type Compose, type HandshakeReplay } from "./handshake-replay.ts";
import { createCrashLoop } from "./crash-loop.ts";
import { createRestartSchedule } from "./restart-schedule.ts";
import { createSendQueue, type SendQueue } from "./send-queue.ts";
import type { Backpressure } from "./backpressure.ts";

/** Starts a server process, or hands over one that waits. */
export type AcquireChild = (events: ChildEvents) => Child;

export interface RestartingProcess {
  /** A number for a request; it is never given twice. */
  nextNumber(): number;
  /**
   * Sends bytes, now or when the process is back.
   *
   * @param wakes whether they start a process that has ended; those that do not are meant for the one that is gone
   * @returns false when they cannot be kept until then
   */
  send(bytes: Uint8Array, wakes: boolean): boolean;
  /**
   * Bytes more that clients have not taken of what they were sent; negative when they took some.
   * While there are too many, nothing more is read from the process.
   */
  unread(change: number): void;
  /**
   * A request of our own; `undefined` when the process went before it answered.
   *
   * @param wakes whether it starts a process that has ended, which is the default
   */
  request(compose: Compose, wakes?: boolean): Promise<Message | undefined>;
  /** Whether the process answers a request within `ms` milliseconds, if it may be asked now. */
  isAlive(ms: number): Promise<boolean>;
  /** Why no call starts the process, which keeps ending; `undefined` when one does, or it runs. */
  findProblem(): string | undefined;
  close(): Promise<void>;
}

export interface RestartingProcessOptions
  extends Pick<BridgeOptions, "now" | "log" | "onServer" | "onStderr">, MessageReaderOptions {
  acquireChild: AcquireChild;
  /** Shared by all processes. */
  backpressure: Backpressure;
  /** What a new process is sent before anything else. */
  handshake: HandshakeReplay;
  /** Gets every message but the answers to our own requests. */
  onMessage(message: Message): void;
  /** The process is gone, and with it every request it has not answered. */
  onLost(how: string): void;
  /** Whether a client waits for what the process sends: then one that ends is started again at once. */
  isAwaited(): boolean;
  /** The process that replaces one that has ended is initialized. */
  onReplaced?(): void;
  /** The result of `initialize`. */
  onInitializeResult?(answer: Message): void;
  /** A new process has refused to be initialized; no other one is started. */
  onRefused(refusal: Message): void;
  /** The request that shows whether a process is alive; by default a ping, and nothing before it is initialized. */
  aliveRequest?: Compose;
  /** Anonymous callers use it: each of its ends delays its next start, so that they cannot make it start all the time. */
  isPublic?: boolean;
}

/** Bytes that may wait for a process to come back. */
const MAX_WAITING = 64 * 1024 * 1024;

/**
 * `asleep`: it ended while no client waited for it. Servers that own a port or a browser profile end the process that
 * holds it; if both were restarted at once, they would end each other for ever.
 */
type Phase = "open" | "initializing" | "asleep" | "closed";

/** The process that runs now, or the last one. */
interface Life {
  child: Child;
  phase: Phase;
  /** Whether it has answered anything; one that refuses, or ends while it starts, serves no client. */
  hasAnswered: boolean;
  /** Whether it has answered a request of a client's. */
  hasServed: boolean;
}

export function createRestartingProcess(options: RestartingProcessOptions): RestartingProcess {
  const { onServer } = options;
  const requests = createAwaitedRequests();
  const queue = createSendQueue(MAX_WAITING);
  /** Past the queue: for what comes before everything that waits. */
  const sendNow = (bytes: Uint8Array) => life.child.send(bytes);
  const requestNow = (compose: Compose) => requests.send(compose, sendNow);
  const schedule = createRestartSchedule({
    now: options.now,
    isPublic: options.isPublic,
    onScheduled(inMs) {
      life.phase = "initializing";
      onServer({ state: "restarting", inMs });
    },
    start: () => void restart(),
  });
  const crashes = createCrashLoop(options);
  const { takeRaw, receive } = watchAnswers(() => life, requests, options);
  const reader = createMessageReader({ ...options, takeRaw }, receive, (bytes) => void sendNow(bytes));
  const events: ChildEvents = { ...reader, stderr: options.onStderr, exit };
  const life = begin(options, events);
  const unread = options.backpressure.open((mayRead) => life.child.read(mayRead));

  function send(bytes: Uint8Array, wakes: boolean): boolean {
    if (life.phase === "asleep") {
      if (!wakes) return true;
      if (crashes.problem !== undefined) return false;
      schedule.wake();
    }
    return life.phase === "initializing" ? queue.add(bytes) : sendNow(bytes);
  }

  function exit(how: ChildExit): void {
    const isAwaited = options.isAwaited();
    life.phase = "asleep";
    queue.drain();
    requests.drop();
    crashes.ended(how, life.hasServed);
    const reason = describeExit(how);
    onServer({ state: "exited", pid: life.child.pid, reason });
    options.onLost(reason);
    if (isAwaited && crashes.problem === undefined) schedule.restart();
    else schedule.rest();
  }

  async function restart(): Promise<void> {
    const child = options.acquireChild(events);
    Object.assign(life, { child, hasAnswered: false, hasServed: false });
    child.read(unread.mayRead);
    await open(life, queue, requestNow, options);
    if (life.child === child && life.phase === "open") options.onReplaced?.();
  }

  if (life.phase === "initializing") void open(life, queue, requestNow, options);

  return {
    nextNumber: requests.nextNumber,
    send,
    unread: unread.change,
    request(compose, wakes = true) {
      if (life.phase === "asleep" && !wakes) return Promise.resolve(undefined);
      return requests.send(compose, (bytes) => send(bytes, true));
    },
    isAlive: (ms) => isAlive(life, ms, requestNow, options),
    findProblem: () => (life.phase === "asleep" ? crashes.problem : undefined),
    async close() {
      unread.close();
      schedule.stop();
      requests.drop();
      await close(life, onServer);
    },
  };
}

/** Takes in what the process writes, and notes whether it is of use. */
function watchAnswers(
  life: () => Life,
  requests: Pick<AwaitedRequests, "take">,
  options: Pick<RestartingProcessOptions, "onMessage" | "takeRaw">,
) {
  return {
    takeRaw(line: Uint8Array): boolean {
      const isTaken = options.takeRaw(line);
      if (isTaken) life().hasAnswered = life().hasServed = true;
      return isTaken;
    },
    receive(message: Message): void {
      if (message.kind === "result") life().hasAnswered = true;
      if (requests.take(message)) return;
      if (message.method === "") life().hasServed = true;
      options.onMessage(message);
    },
  };
}

function begin({ acquireChild, handshake }: RestartingProcessOptions, events: ChildEvents): Life {
  // Nothing is sent before the handshake where there is one to replay.
  const phase = handshake.initialize === undefined ? "open" : "initializing";
  return { child: acquireChild(events), phase, hasAnswered: false, hasServed: false };
}

type RequestNow = (compose: Compose) => Promise<Message | undefined>;

/** Replays the handshake to a process and then sends what has waited for it. */
async function open(
  life: Life,
  queue: SendQueue,
  request: RequestNow,
  { handshake, onInitializeResult, onRefused, onServer, log }: RestartingProcessOptions,
): Promise<void> {
  const { child } = life;
  const send = (bytes: Uint8Array) => life.child.send(bytes);
  const outcome = await replayHandshake(handshake, { request, send, onInitializeResult });
  if (life.child !== child || life.phase !== "initializing" || outcome === "gone") return;
  if (outcome !== "done") {
    log.warn(`The server refuses to begin: ${quoteError(outcome)}; its clients have to begin anew.`);
    return onRefused(outcome);
  }
  life.phase = "open";
  onServer({ state: "ready", pid: child.pid });
  for (const bytes of queue.drain()) child.send(bytes);
}

async function isAlive(
  { phase, hasAnswered }: Life,
  ms: number,
  request: RequestNow,
  { aliveRequest, handshake }: RestartingProcessOptions,
): Promise<boolean> {
  // One that has answered is started when it is needed: to start it for this would end its rival.
  if (phase === "asleep") return hasAnswered;
  if (phase !== "open") return false;
  const compose = aliveRequest ?? (handshake.isInitialized ? composePing : undefined);
  // Rust's rmcp ends at any message that comes before or in the middle of a handshake.
  if (compose === undefined) return true;
  return (await within(ms, request(compose))) !== undefined;
}

async function close(life: Life, onServer: RestartingProcessOptions["onServer"]): Promise<void> {
  const wasAsleep = life.phase === "asleep";
  life.phase = "closed";
  await life.child.close();
  // The end of one that had ended before has been reported.
  if (wasAsleep) return;
  onServer({ state: "exited", pid: life.child.pid, reason: "is no longer used", isOurs: true });
}
