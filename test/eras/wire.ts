// Speaks to the program as a client without an SDK: every byte and header is the test's own.
import { join } from "node:path";
import { startProgram, type Program, type ProgramOptions } from "../program.ts";

/** A JSON-RPC message as it is read from the wire. */
export interface Wire {
  id?: unknown;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { code: number; message: string; data?: unknown };
}

export interface ServerEvent {
  event: string;
  data: string;
  id?: string;
}

export type Headers = Record<string, string>;

const DEADLINE = 20_000;

/** No sign-in, from this machine only. */
export const OPEN = ["--auth", "none", "--tunnel", "none"] as const;

/** Exposes one of the fixture servers to this machine, without a sign-in. */
export function expose(
  server: string,
  words: readonly string[] = [],
  options: ProgramOptions = {},
): Promise<Program> {
  return startProgram([...OPEN, ...words, fixture(server)], options);
}

export function fixture(server: string): string {
  return join(import.meta.dir, "../fixtures/servers", `${server}.ts`);
}

/** @param body a message, or the very text to send */
export function post(url: string, body: object | string, headers: Headers = {}): Promise<Response> {
  return fetch(url, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...headers,
    },
  });
}

export const INITIALIZE = {
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: { sampling: {}, elicitation: {}, roots: {} },
    clientInfo: { name: "wire", version: "1" },
  },
} as const;

export interface WireSession {
  readonly id: string;
  /** POSTs in this session. */
  send(body: object | string, headers?: Headers): Promise<Response>;
  /** Calls a tool. */
  start(tool: string, args?: object, id?: number | string): Promise<Response>;
  /** Calls a tool and reads its answer. */
  call(tool: string, args?: object, id?: number | string): Promise<Wire>;
  /** The GET stream. */
  listen(): Promise<Response>;
  end(): Promise<Response>;
}

let lastId = 0;

/** Opens a session on `/mcp` as clients do. */
export async function openSession(
  url: string,
  headers: Headers = {},
  capabilities: object = INITIALIZE.params.capabilities,
): Promise<WireSession> {
  const initialize = { ...INITIALIZE, params: { ...INITIALIZE.params, capabilities } };
  const opened = await post(url, initialize, headers);
  const id = opened.headers.get("mcp-session-id");
  const { result } = await readAnswer(opened);
  if (id === null || result === undefined) throw new Error(`no session: HTTP ${opened.status}`);
  const own = { ...headers, "mcp-session-id": id, "mcp-protocol-version": "2025-11-25" };
  const send: WireSession["send"] = (body, more) => post(url, body, { ...own, ...more });
  await send({ jsonrpc: "2.0", method: "notifications/initialized" });
  const start: WireSession["start"] = (name, args = {}, id = ++lastId) =>
    send({ jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: args } });
  return {
    id,
    send,
    start,
    call: async (...call) => readAnswer(await start(...call)),
    listen: () => fetch(url, { headers: { ...own, accept: "text/event-stream" } }),
    end: () => fetch(url, { method: "DELETE", headers: own }),
  };
}

/** The answer in a response, whether it is plain or the last of some events. */
export async function readAnswer(response: Response): Promise<Wire> {
  return (await readMessages(response)).find(({ method }) => method === undefined) ?? {};
}

/** Every message in a response, in order, once it has ended. */
export async function readMessages(response: Response): Promise<Wire[]> {
  return (await readTexts(response)).flatMap((text) => JSON.parse(text) as Wire | Wire[]);
}

/** The text of every message in a response, as it was written. */
export async function readTexts(response: Response): Promise<string[]> {
  if (!isEventStream(response)) {
    const text = await response.text();
    return text === "" ? [] : [text];
  }
  const texts: string[] = [];
  for await (const { event, data } of readEvents(response))
    if (event === "message" && data !== "") texts.push(data);
  return texts;
}

export function isEventStream(response: Response): boolean {
  return response.headers.get("content-type") === "text/event-stream";
}

/** Events as they arrive; a comment is an event named `:`. */
export async function* readEvents(response: Response): AsyncGenerator<ServerEvent, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body ?? []) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) yield readEvent(block);
  }
  if (rest !== "") throw new Error(`the stream ended within an event: ${rest}`);
  return undefined;
}

function readEvent(block: string): ServerEvent {
  const event: ServerEvent = { event: "message", data: "" };
  for (const line of block.split("\n")) {
    const [, field = "", value = ""] = /^([^:]*): ?(.*)$/s.exec(line) ?? [];
    if (field === "") return { event: ":", data: value };
    if (field === "event") event.event = value;
    if (field === "data") event.data += value;
    if (field === "id") event.id = value;
  }
  return event;
}

/** Reads a stream message by message. */
export interface Listening {
  /** The next message; fails when the stream ends first, or nothing comes. */
  next(): Promise<Wire>;
  /** The next event of any kind, but no comment and none that only names an id to come back with. */
  nextEvent(): Promise<ServerEvent>;
  /** Resolves when the stream has ended. */
  ended(): Promise<void>;
  /** Hangs up. */
  close(): Promise<void>;
}

export function listen(response: Response): Listening {
  const events = readEvents(response);
  const nextEvent = async (): Promise<ServerEvent> => {
    for (;;) {
      const { value } = await within(events.next(), "the next event");
      if (value === undefined) throw new Error("the stream has ended");
      if (value.event !== ":" && value.data !== "") return value;
    }
  };
  return {
    nextEvent,
    next: async () => JSON.parse((await nextEvent()).data) as Wire,
    async ended() {
      while (!(await within(events.next(), "the end of the stream")).done);
    },
    close: async () => void (await events.return(undefined)),
  };
}

/** A session of revision 2024-11-05: one stream, and where to post. */
export interface SseSession extends Listening {
  /** The URL in the `endpoint` event. */
  readonly endpoint: string;
  send(body: object | string): Promise<Response>;
}

export async function openSseSession(url: string, headers: Headers = {}): Promise<SseSession> {
  const stream = listen(await fetch(url, { headers: { accept: "text/event-stream", ...headers } }));
  const { event, data } = await stream.nextEvent();
  if (event !== "endpoint") throw new Error(`the first event is ${event}`);
  const send = (body: object | string) => post(new URL(data, url).href, body, headers);
  await send(INITIALIZE);
  await stream.next();
  await send({ jsonrpc: "2.0", method: "notifications/initialized" });
  return { ...stream, endpoint: data, send };
}

/** Everything that the obedient server behind a session has been sent. */
export async function readHistory(session: WireSession): Promise<Wire[]> {
  const { result = {} } = await session.call("history");
  return (result["history"] as string[]).map((line) => JSON.parse(line) as Wire);
}

/** Asks again and again until the answer is yes. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + DEADLINE;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await Bun.sleep(20);
  }
}

let lastMark = 0;

/** The processes started so far, once everything has been read that the program has printed until now. */
export async function readStarts(program: Program): Promise<number[]> {
  const path = `/mark-${++lastMark}`;
  await fetch(new URL(path, program.ready.local));
  await program.next((event) => event.event === "request" && event.path === path);
  return program.events.flatMap((event) =>
    event.event === "child" && event.state === "started" && event.pid !== undefined ? [event.pid] : [],
  );
}

export async function within<T>(promise: Promise<T>, what: string, ms = DEADLINE): Promise<T> {
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain: ${what}`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Whether a process runs; one that has ended and is not reaped yet does not. */
export function isAlive(pid: number): boolean {
  const { stdout } = Bun.spawnSync(["ps", "-o", "stat=", "-p", String(pid)]);
  return /^[^Z]/.test(stdout.toString().trim());
}
