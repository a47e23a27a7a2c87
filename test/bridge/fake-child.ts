// A wrapped server that runs in the test itself, so that the four pairs are tested in milliseconds. It says what the test
// says. The same pairs run on real processes in test/matrix and in calls.test.ts: this one proves nothing about pipes.
import type { AdapterOptions, StatelessAdapterOptions } from "../../src/bridge/adapter.ts";
import { canonical, type Envelope } from "../../src/bridge/envelope.ts";
import { createBackpressure } from "../../src/bridge/process/backpressure.ts";
import { createRequestStates } from "../../src/bridge/request-state.ts";
import type { Child, ChildEvents } from "../../src/child/child.ts";
import { readMessages, type Message } from "../../src/frame/message.ts";
import type { Log } from "../../src/log.ts";

export interface WireMessage {
  id?: number | string;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { code: number; message: string; data?: unknown };
}

/** A message as it was written, and what it says. */
export type Line = WireMessage & { text: string };

export interface FakeChild {
  readonly start: AdapterOptions["acquireChild"];
  /** How many processes have been started. */
  readonly starts: number;
  /** The next line that the server gets, waited for. */
  next(): Promise<Line>;
  /** The messages that the server got and the test has not taken. */
  rest(): Line[];
  /** Writes a line to stdout. */
  say(message: object | string): void;
  /** Takes the next line, which must have this method, and answers it. @returns the line */
  answer(method: string, result: object): Promise<Line>;
  exit(): void;
}

export function createFakeChild(): FakeChild {
  const received = createInbox();
  let events: ChildEvents | undefined;
  let starts = 0;
  const say = (message: object | string) => {
    const text = typeof message === "string" ? message : JSON.stringify({ jsonrpc: "2.0", ...message });
    events?.line(Buffer.from(text));
  };

  return {
    start(own): Child {
      starts++;
      events = own;
      return {
        pid: starts,
        send(bytes) {
          if (events !== own) return false;
          received.add(bytes);
          return true;
        },
        read() {},
        close() {
          if (events === own) events = undefined;
          return Promise.resolve();
        },
      };
    },
    get starts() {
      return starts;
    },
    next: received.next,
    rest: received.rest,
    say,
    async answer(method, result) {
      const line = await received.next();
      if (line.method !== method) throw new Error(`The server got ${line.text} instead of ${method}`);
      say({ id: line.id, result });
      return line;
    },
    exit() {
      const ended = events;
      events = undefined;
      ended?.exit({ code: 3, signal: null, stderrTail: [] });
    },
  };
}

export interface Inbox {
  add(bytes: Uint8Array): void;
  next(): Promise<Line>;
  rest(): Line[];
}

/** Messages in the order they came. */
export function createInbox(): Inbox {
  let lines: Line[] = [];
  const waiting: ((line: Line) => void)[] = [];
  return {
    add(bytes) {
      const text = Buffer.from(bytes).toString();
      const line = { ...(JSON.parse(text) as WireMessage), text };
      const first = waiting.shift();
      if (first === undefined) lines.push(line);
      else first(line);
    },
    next() {
      const line = lines.shift();
      return line === undefined
        ? new Promise((resolve) => void waiting.push(resolve))
        : Promise.resolve(line);
    },
    rest() {
      const rest = lines;
      lines = [];
      return rest;
    },
  };
}

export interface PairOptions extends StatelessAdapterOptions {
  /** The log lines of the pair. */
  readonly logged: string[];
  /** How often the pair has said that its process is of no more use. */
  readonly goneCount: () => number;
}

export function createPairOptions(child: FakeChild, envelope = writeEnvelope()): PairOptions {
  const logged: string[] = [];
  const add = (line: string) => void logged.push(line);
  const log: Log = {
    info: add,
    success: add,
    warn: add,
    error: add,
    debug: add,
    plain: add,
    styled: add,
    redact() {},
  };
  let random = 0;
  let gone = 0;
  return {
    acquireChild: child.start,
    backpressure: createBackpressure(),
    onInvalidOutput: (line) => void logged.push(`no message: ${Buffer.from(line).toString()}`),
    now: () => 0,
    log,
    random: (bytes) => new Uint8Array(bytes).fill(++random),
    onServer() {},
    onStderr() {},
    used() {},
    gone: () => void gone++,
    requestStates: createRequestStates(new Uint8Array(32)),
    envelope,
    logged,
    goneCount: () => gone,
  };
}

export function writeEnvelope(capabilities: Envelope["capabilities"] = {}, logLevel?: string): Envelope {
  return {
    version: "2026-07-28",
    clientInfo: '{"name":"fake","version":"1"}',
    capabilities,
    capabilitiesKey: canonical(capabilities),
    logLevel,
  };
}

export function toMessage(message: object | string): Message {
  const text = typeof message === "string" ? message : JSON.stringify({ jsonrpc: "2.0", ...message });
  const reading = readMessages(Buffer.from(text));
  if (!("messages" in reading) || reading.batch) throw new Error(`No message: ${text}`);
  return reading.messages[0];
}
