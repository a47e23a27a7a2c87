// The server process of one conversation, over its death and return: whoever sends to it need not
// know whether it runs right now.
import { describeExit, type Child, type ChildEvents, type ChildExit } from "../child/child.ts";
import { idInExcerpts } from "../frame/answer.ts";
import { composeError, composeNotification, ErrorCode } from "../frame/compose.ts";
import { readMessages, type Message } from "../frame/message.ts";
import { SERVER_MESSAGE } from "../frame/names.ts";
import { createBackoff } from "./backoff.ts";
import type { BridgeOptions } from "./bridge.ts";
import { composePing } from "./introduction.ts";
import { quoteError } from "./refusal.ts";
import type { Compose, Standing } from "./standing.ts";
import type { Unread } from "./unread.ts";

/** Starts a server process, or hands over one that waits. */
export type Hire = (events: ChildEvents) => Child;

export interface Server {
  /** A number for a request; it is never given twice. */
  nextNumber(): number;
  /**
   * Sends bytes, now or when the process is back.
   *
   * @returns false when they cannot be kept until then
   */
  send(bytes: Uint8Array): boolean;
  /**
   * Bytes more that clients have not taken of what they were sent; negative when they took some.
   * While they are too many, nothing more is read from the process.
   */
  unread(change: number): void;
  /** A request of our own; `undefined` when the process went before it answered. */
  ask(compose: Compose): Promise<Message | undefined>;
  /** A sign of life within `ms` milliseconds. */
  answers(ms: number): Promise<boolean>;
  close(): Promise<void>;
}

export interface ServerOptions extends Pick<BridgeOptions, "now" | "log" | "onServer" | "onStderr"> {
  hire: Hire;
  /** Of all processes. */
  unread: Unread;
  /** A line that is no message. */
  onNoise(line: Uint8Array, why?: string): void;
  /** What a new process must be told before anything else. */
  standing: Standing;
  /** Offered every line before it is read; whether it was taken. */
  pass(line: Uint8Array): boolean;
  /** Every message but the answers to our own requests. */
  receive(message: Message): void;
  /** The process is gone, and with it every request it has not answered. */
  lost(how: string): void;
  /** The answer to a greeting. */
  welcomed?(answer: Message): void;
  /** No process takes up the conversation again: a new one has refused to. */
  gaveUp(refusal: Message): void;
  /** How a process that has sent no greeting is asked whether it lives; by default one is not asked before its greeting. */
  sign?: Compose;
}

/** Bytes that may wait for a process to come back. */
const MAX_WAITING = 64 * 1024 * 1024;

export function createServer(options: ServerOptions): Server {
  const { hire, standing, log, onServer } = options;
  const backoff = createBackoff(options.now);
  const asked = new Map<number, (answer: Message | undefined) => void>();
  const queue = createQueue(MAX_WAITING);
  const reader = createReader(options, (message) => {
    const done = asked.get(Number(message.id));
    if (done === undefined || message.method !== "") return options.receive(message);
    asked.delete(Number(message.id));
    done(message);
  });
  const events: ChildEvents = { ...reader, stderr: options.onStderr, exit: recoverFrom };
  let last = 0;
  let restart: Timer | undefined;
  let child = hire(events);
  const unread = options.unread.open((mayRead) => child.read(mayRead));
  // Whoever comes with a greeting has it said before anything else.
  let phase: "open" | "recovering" | "closed" = standing.greeting === undefined ? "open" : "recovering";

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

  function send(bytes: Uint8Array): boolean {
    if (phase === "recovering") return queue.add(bytes);
    return child.send(bytes);
  }

  function recoverFrom(exit: ChildExit) {
    const how = describeExit(exit);
    phase = "recovering";
    queue.drain();
    for (const done of asked.values()) done(undefined);
    asked.clear();
    onServer({ state: "exited", pid: child.pid, reason: how });
    const inMs = backoff.next();
    onServer({ state: "restarting", inMs });
    restart = setTimeout(() => void begin(), inMs);
    options.lost(how);
  }

  function begin(): Promise<void> {
    child = hire(events);
    child.read(unread.mayRead);
    return settleIn(child);
  }

  /** Greets a process and then sends what has waited for it. */
  async function settleIn(mine: Child): Promise<void> {
    const greeted = await greet();
    if (child !== mine || phase !== "recovering" || greeted === "gone") return;
    if (greeted !== "done") {
      log.warn(`The server refuses to begin: ${quoteError(greeted)}; its clients have to begin anew.`);
      return options.gaveUp(greeted);
    }
    phase = "open";
    onServer({ state: "ready", pid: mine.pid });
    for (const bytes of queue.drain()) mine.send(bytes);
  }

  /** Tells a new process what the last one knew. */
  async function greet(): Promise<"done" | "gone" | Message> {
    if (standing.greeting === undefined) return "done";
    const welcome = await askFirst(standing.greeting);
    if (welcome === undefined) return "gone";
    if (welcome.kind === "error") return welcome;
    options.welcomed?.(welcome);
    if (standing.greeted) child.send(composeNotification("notifications/initialized"));
    const granted = await Promise.all(standing.wishes().map(askFirst));
    return granted.includes(undefined) ? "gone" : "done";
  }

  if (phase === "recovering") void settleIn(child);

  return {
    nextNumber: () => ++last,
    send,
    unread: unread.change,
    ask: (compose) => ask(compose, send),
    async answers(ms) {
      if (phase !== "open") return false;
      const sign = options.sign ?? (standing.greeted ? composePing : undefined);
      // Rust's rmcp ends at whatever comes before or in the middle of a handshake.
      if (sign === undefined) return true;
      const late = Promise.withResolvers<undefined>();
      const timer = setTimeout(late.resolve, ms);
      const answer = await Promise.race([askFirst(sign), late.promise]);
      clearTimeout(timer);
      return answer !== undefined;
    },
    async close() {
      phase = "closed";
      unread.close();
      clearTimeout(restart);
      for (const done of asked.values()) done(undefined);
      await child.close();
      onServer({ state: "exited", pid: child.pid, reason: "is no longer used", isOurs: true });
    },
  };
}

/**
 * Makes messages of lines; what is no message is dropped, the first time with a warning. An answer that cannot be passed
 * on becomes an error in its place, for somebody waits for it.
 */
function createReader(
  { log, onNoise, pass }: ServerOptions,
  receive: (message: Message) => void,
): Pick<ChildEvents, "line" | "oversize"> {
  const fail = (id: string, reason: string) => {
    const reading = readMessages(
      composeError(id, ErrorCode.internal, `The MCP server sent an answer ${reason}.`),
    );
    if ("messages" in reading) reading.messages.forEach(receive);
  };
  return {
    line(line) {
      if (pass(line)) return;
      const reading = readMessages(line, SERVER_MESSAGE);
      if ("messages" in reading) return reading.messages.forEach(receive);
      if (reading.fault !== "ambiguous") return onNoise(line);
      onNoise(line, reading.doubt);
      for (const id of reading.answered) fail(id, `that can be read in two ways: ${reading.doubt}`);
    },
    oversize(length, head, tail) {
      log.warn(`The server sent a message of ${length} bytes, which is over the limit; it is lost.`);
      const id = idInExcerpts(head, tail);
      if (id !== undefined) fail(id, `that is too large (${length} bytes)`);
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
