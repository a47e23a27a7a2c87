// The server process of one conversation, over its death and return: whoever sends to it need not
// know whether it runs right now.
import { describeExit, type Child, type ChildEvents, type ChildExit } from "../../child/child.ts";
import { composeNotification } from "../../frame/compose.ts";
import type { Message } from "../../frame/message.ts";
import { createBackoff } from "./backoff.ts";
import type { BridgeOptions } from "../bridge.ts";
import { composePing } from "./own-requests.ts";
import { createMessageReader, type MessageReaderOptions } from "./message-reader.ts";
import { quoteError } from "../quote-error.ts";
import type { Compose, HandshakeReplay } from "./handshake-replay.ts";
import type { Backpressure } from "./backpressure.ts";

/** Starts a server process, or hands over one that waits. */
export type AcquireChild = (events: ChildEvents) => Child;

export interface RestartingProcess {
  /** A number for a request; it is never given twice. */
  nextNumber(): number;
  /**
   * Sends bytes, now or when the process is back.
   *
   * @param wakes whether they start a process that has ended; what does not is for the one that is gone
   * @returns false when they cannot be kept until then
   */
  send(bytes: Uint8Array, wakes: boolean): boolean;
  /**
   * Bytes more that clients have not taken of what they were sent; negative when they took some.
   * While they are too many, nothing more is read from the process.
   */
  unread(change: number): void;
  /**
   * A request of our own; `undefined` when the process went before it answered.
   *
   * @param wakes whether it starts a process that has ended, which is the default
   */
  request(compose: Compose, wakes?: boolean): Promise<Message | undefined>;
  /** A sign of life within `ms` milliseconds. */
  isAlive(ms: number): Promise<boolean>;
  close(): Promise<void>;
}

export interface RestartingProcessOptions
  extends Pick<BridgeOptions, "now" | "log" | "onServer" | "onStderr">, MessageReaderOptions {
  acquireChild: AcquireChild;
  /** Of all processes. */
  backpressure: Backpressure;
  /** What a new process must be told before anything else. */
  handshake: HandshakeReplay;
  /** Every message but the answers to our own requests. */
  onMessage(message: Message): void;
  /** The process is gone, and with it every request it has not answered. */
  onLost(how: string): void;
  /** Whether anybody waits for what the process says: then one that ends is started again without being asked. */
  isAwaited(): boolean;
  /** A process that has taken the place of another has been greeted. */
  onReplaced?(): void;
  /** The answer to a greeting. */
  onInitializeResult?(answer: Message): void;
  /** No process takes up the conversation again: a new one has refused to. */
  onRefused(refusal: Message): void;
  /** How a process that has sent no greeting is asked whether it lives; by default one is not asked before its greeting. */
  aliveRequest?: Compose;
  /** Strangers call it: every end of it delays its next start, so that they cannot make it start all the time. */
  isPublic?: boolean;
}

/** Bytes that may wait for a process to come back. */
const MAX_WAITING = 64 * 1024 * 1024;

export function createRestartingProcess(options: RestartingProcessOptions): RestartingProcess {
  const { acquireChild, handshake, log, onServer } = options;
  const backoff = createBackoff(options.now);
  const asked = new Map<number, (answer: Message | undefined) => void>();
  const queue = createQueue(MAX_WAITING);
  const reader = createMessageReader({ ...options, takeRaw }, receive, (bytes) => void child.send(bytes));
  const events: ChildEvents = { ...reader, stderr: options.onStderr, exit: recoverFrom };
  let last = 0;
  /** When a process that sleeps may be started. */
  let restsUntil = 0;
  let restart: Timer | undefined;
  /** Whether the process has answered anything; one that refuses, or dies at its start, serves nobody. */
  let hasAnswered = false;
  let child = acquireChild(events);
  const unread = options.backpressure.open((mayRead) => child.read(mayRead));
  // Whoever comes with a greeting has it said before anything else.
  // Asleep: it ended while nobody waited for it. Servers that own a port or a browser profile end the holder before
  // them; started again at once, two of them would end each other for ever.
  let phase: "open" | "recovering" | "asleep" | "closed" =
    handshake.initialize === undefined ? "open" : "recovering";

  function takeRaw(line: Uint8Array): boolean {
    const isPassed = options.takeRaw(line);
    if (isPassed) hasAnswered = true;
    return isPassed;
  }

  function receive(message: Message): void {
    if (message.kind === "result") hasAnswered = true;
    const done = asked.get(Number(message.id));
    if (done === undefined || message.method !== "") return options.onMessage(message);
    asked.delete(Number(message.id));
    done(message);
  }

  function ask(compose: Compose, deliver: (bytes: Uint8Array) => unknown): Promise<Message | undefined> {
    const { promise, resolve } = Promise.withResolvers<Message | undefined>();
    asked.set(++last, resolve);
    if (deliver(compose(last)) === false) resolve(undefined);
    return promise;
  }

  /** Past the queue: what has to come before everything that waits. */
  function askFirst(compose: Compose): Promise<Message | undefined> {
    return ask(compose, (bytes) => child.send(bytes));
  }

  function send(bytes: Uint8Array, wakes: boolean): boolean {
    if (phase === "asleep") {
      if (!wakes) return true;
      restartIn(Math.max(0, restsUntil - options.now()));
    }
    if (phase === "recovering") return queue.add(bytes);
    return child.send(bytes);
  }

  function recoverFrom(exit: ChildExit) {
    const how = describeExit(exit);
    const isAwaited = options.isAwaited();
    phase = "asleep";
    queue.drain();
    for (const done of asked.values()) done(undefined);
    asked.clear();
    onServer({ state: "exited", pid: child.pid, reason: how });
    options.onLost(how);
    if (isAwaited) restartIn(backoff.next());
    else if (options.isPublic) restsUntil = options.now() + backoff.next();
  }

  function restartIn(inMs: number): void {
    phase = "recovering";
    onServer({ state: "restarting", inMs });
    restart = setTimeout(() => void begin(), inMs);
  }

  async function begin(): Promise<void> {
    hasAnswered = false;
    const mine = acquireChild(events);
    child = mine;
    child.read(unread.mayRead);
    await settleIn(mine);
    if (child === mine && phase === "open") options.onReplaced?.();
  }

  /** Greets a process and then sends what has waited for it. */
  async function settleIn(mine: Child): Promise<void> {
    const greeted = await greet();
    if (child !== mine || phase !== "recovering" || greeted === "gone") return;
    if (greeted !== "done") {
      log.warn(`The server refuses to begin: ${quoteError(greeted)}; its clients have to begin anew.`);
      return options.onRefused(greeted);
    }
    phase = "open";
    onServer({ state: "ready", pid: mine.pid });
    for (const bytes of queue.drain()) mine.send(bytes);
  }

  /** Tells a new process what the last one knew. */
  async function greet(): Promise<"done" | "gone" | Message> {
    if (handshake.initialize === undefined) return "done";
    const welcome = await askFirst(handshake.initialize);
    if (welcome === undefined) return "gone";
    if (welcome.kind === "error") return welcome;
    options.onInitializeResult?.(welcome);
    if (handshake.isInitialized) child.send(composeNotification("notifications/initialized"));
    const granted = await Promise.all(handshake.preferences().map(askFirst));
    return granted.includes(undefined) ? "gone" : "done";
  }

  if (phase === "recovering") void settleIn(child);

  return {
    nextNumber: () => ++last,
    send,
    unread: unread.change,
    request(compose, wakes = true) {
      if (phase === "asleep" && !wakes) return Promise.resolve(undefined);
      return ask(compose, (bytes) => send(bytes, true));
    },
    async isAlive(ms) {
      // One that has answered is started when it is needed: to start it for a probe would end its rival.
      if (phase === "asleep") return hasAnswered;
      if (phase !== "open") return false;
      const request = options.aliveRequest ?? (handshake.isInitialized ? composePing : undefined);
      // Rust's rmcp ends at whatever comes before or in the middle of a handshake.
      if (request === undefined) return true;
      const late = Promise.withResolvers<undefined>();
      const timer = setTimeout(late.resolve, ms);
      const answer = await Promise.race([askFirst(request), late.promise]);
      clearTimeout(timer);
      return answer !== undefined;
    },
    async close() {
      const wasAsleep = phase === "asleep";
      phase = "closed";
      unread.close();
      clearTimeout(restart);
      for (const done of asked.values()) done(undefined);
      await child.close();
      // Its end has been told.
      if (wasAsleep) return;
      onServer({ state: "exited", pid: child.pid, reason: "is no longer used", isOurs: true });
    },
  };
}

/** Bytes in the order they came, up to `limit` of them. */
function createQueue(limit: number) {
  let waiting: Uint8Array[] = [];
  let length = 0;
  return {
    add(bytes: Uint8Array): boolean {
      if (length + bytes.length > limit) return false;
      waiting.push(bytes);
      length += bytes.length;
      return true;
    },
    drain(): Uint8Array[] {
      const all = waiting;
      waiting = [];
      length = 0;
      return all;
    },
  };
}
