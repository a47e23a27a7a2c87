// The server process that is started before anybody has connected: a broken server is reported at
// once, the first client need not wait, and it is found out which revisions the server speaks.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/stdio#backward-compatibility
import {
  describeExit,
  type Child,
  type ChildEvents,
  type ChildExit,
  type StartChild,
} from "../child/child.ts";
import { composeRequest, ErrorCode } from "../frame/compose.ts";
import { findMember, readMessages, spanText, type Message } from "../frame/message.ts";
import { SERVER_MESSAGE } from "../frame/names.ts";
import { NAME, VERSION } from "../version.ts";
import type { BridgeOptions, LaunchReport } from "./bridge.ts";
import { LEGACY, META, MODERN, parseSpan } from "./envelope.ts";
import type { ServerOptions } from "./server.ts";

export interface Spare {
  launch(): Promise<LaunchReport>;
  /** Whether the server serves clients without sessions. */
  speaksModern(): Promise<boolean>;
  /** Whether it also does with; asked only of servers that serve clients without. */
  speaksLegacy(): Promise<boolean>;
  /** Hands the process over, with all it has said so far; `undefined` when none waits that fits. */
  take(events: ChildEvents, era: "legacy" | "modern"): Child | undefined;
  answers(ms: number): Promise<boolean>;
  close(): Promise<void>;
}

/** How long a server may take to answer before the launch goes on without it, in milliseconds. */
const PATIENCE = 10_000;
/** How long it may take before it is known what it speaks, in milliseconds; then it is taken to be an old one. */
const LONG_PATIENCE = 60_000;
/** How long silence may mean that it is still starting, and not that it has never heard of the question. */
const SILENCE = 2_000;

const WHO = { name: NAME, version: VERSION };
const INITIALIZE = { protocolVersion: LEGACY, capabilities: {}, clientInfo: WHO };
const DISCOVER = { _meta: { [META.version]: MODERN, [META.clientInfo]: WHO, [META.capabilities]: {} } };

export interface SpareOptions extends BridgeOptions {
  /** A line that is no message. */
  onNoise: ServerOptions["onNoise"];
}

export function createSpare({ startChild, childEra, onServer, onStderr, onNoise }: SpareOptions): Spare {
  let waiting: Candidate | undefined;
  let isModern = childEra === "modern";
  /** It has been found out what the server speaks. */
  const known = Promise.withResolvers<void>();
  let legacy: Promise<boolean> | undefined;
  /** It ends when it is asked anything before `initialize`. */
  let isTouchy = false;

  const prepare = (): Candidate => {
    const candidate = startCandidate(startChild, onStderr, onNoise);
    waiting = candidate;
    onServer({ state: "started", pid: candidate.child.pid });
    void candidate.ended.then((exit) => {
      if (waiting === candidate) waiting = undefined;
      onServer({ state: "exited", pid: candidate.child.pid, reason: describeExit(exit) });
    });
    return candidate;
  };

  /** A process thrown away afterwards: asking for a handshake is what no other client may find done. */
  const tryInitialize = async (ms: number): Promise<{ report: Reply; answer: Message | undefined }> => {
    const probe = startCandidate(
      startChild,
      () => {},
      () => {},
    );
    const report = await probe.ask("initialize", INITIALIZE, ms);
    await probe.child.close();
    return { report, answer: report.outcome === "answered" ? report.answer : undefined };
  };

  /** Asks a server what it speaks and waits for the answer, however long it takes to start. */
  const findOut = async (first: Candidate): Promise<Reply> => {
    // A server that is known to have sessions is asked what it may be asked before `initialize`.
    const asked =
      childEra === "legacy"
        ? first.ask("ping", undefined, LONG_PATIENCE)
        : first.ask("server/discover", DISCOVER, LONG_PATIENCE);
    const report = await Promise.race([asked, outwait(asked)]);
    if (report.outcome === "answered") {
      if (childEra === "auto") isModern = isDiscovered(report.answer);
      onServer({ state: "ready", pid: first.child.pid });
    }
    if (report.outcome !== "exited") return report;
    // Some servers end at anything but `initialize`: this tells them from broken ones.
    const { report: second } = await tryInitialize(PATIENCE);
    if (second.outcome !== "answered") return report;
    isTouchy = true;
    prepare();
    return second;
  };

  /** Some servers say nothing to what they do not know: one that answers a handshake meanwhile is one of them. */
  const outwait = async (asked: Promise<Reply>): Promise<Reply> => {
    if (childEra !== "auto" || (await settlesWithin(asked, SILENCE))) return asked;
    const { report } = await tryInitialize(LONG_PATIENCE);
    return report.outcome === "answered" ? report : asked;
  };

  const launch = async (): Promise<LaunchReport> => {
    const first = prepare();
    const found = findOut(first).finally(known.resolve);
    return (await settlesWithin(found, PATIENCE)) ? found : { outcome: "silent", ended: first.ended };
  };

  return {
    launch,
    async speaksModern() {
      await known.promise;
      return isModern;
    },
    async speaksLegacy() {
      if (childEra !== "auto") return childEra === "legacy";
      legacy ??= tryInitialize(LONG_PATIENCE).then(({ answer }) => answer?.kind === "result");
      return legacy;
    },
    take(events, era) {
      // A server asked in one way may have settled for it.
      if (waiting === undefined || (era === "modern") !== isModern) return undefined;
      const taken = waiting;
      waiting = undefined;
      taken.handOver(events);
      return taken.child;
    },
    async answers(ms) {
      const asked = waiting ?? prepare();
      if (isTouchy) return true;
      const report = isModern
        ? await asked.ask("server/discover", DISCOVER, ms)
        : await asked.ask("ping", undefined, ms);
      return report.outcome === "answered";
    },
    async close() {
      await waiting?.child.close();
    },
  };
}

async function settlesWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  const late = Promise.withResolvers<false>();
  const timer = setTimeout(late.resolve, ms, false);
  const settled = await Promise.race([work.then(() => true), late.promise]);
  clearTimeout(timer);
  return settled;
}

/** Whether an answer to `server/discover` is that of a server without sessions. Some with sessions answer it too. */
function isDiscovered(answer: Message): boolean {
  if (answer.kind === "error") {
    const code = Number(spanText(answer.bytes, findMember(answer, answer.errorAt, "code")));
    return code <= ErrorCode.headerMismatch && code >= ErrorCode.unsupportedVersion;
  }
  const versions = parseSpan(answer, findMember(answer, answer.resultAt, "supportedVersions"));
  return Array.isArray(versions) && versions.includes(MODERN);
}

/** A process that nobody owns yet. */
interface Candidate {
  readonly child: Child;
  /** Resolves if the process ends while nobody owns it. */
  readonly ended: Promise<ChildExit>;
  ask(method: string, params: unknown, ms: number): Promise<Reply>;
  handOver(events: ChildEvents): void;
}

type Reply = Exclude<LaunchReport, { outcome: "answered" }> | { outcome: "answered"; answer: Message };

/** @param noise told of a line that is no message */
function startCandidate(
  startChild: StartChild,
  onStderr: (line: string) => void,
  noise: ServerOptions["onNoise"],
): Candidate {
  let owner: ChildEvents | undefined;
  let questions = 0;
  const said: Uint8Array[] = [];
  const waiters = new Map<number, (answer: Message) => void>();
  const ended = Promise.withResolvers<ChildExit>();

  const child = startChild({
    line(line) {
      if (owner !== undefined) return owner.line(line);
      const reading = readMessages(line, SERVER_MESSAGE);
      const [message] = "messages" in reading ? reading.messages : [];
      if ("fault" in reading) return noise(line, reading.fault === "ambiguous" ? reading.doubt : undefined);
      const take = message?.method === "" ? waiters.get(Number(message.id)) : undefined;
      if (take === undefined) said.push(line);
      else take(message!);
    },
    oversize: (...excerpt) => owner?.oversize(...excerpt),
    stderr: (line) => (owner?.stderr ?? onStderr)(line),
    exit(exit) {
      if (owner === undefined) ended.resolve(exit);
      else owner.exit(exit);
    },
  });

  return {
    child,
    ended: ended.promise,
    async ask(method, params, ms) {
      // Numbers from zero down: the owner's begin at one, so that a late answer meets none of them.
      const number = -questions++;
      const answered = Promise.withResolvers<Message>();
      waiters.set(number, answered.resolve);
      child.send(composeRequest(number, method, params));
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, ms);
      const reply = await Promise.race([
        answered.promise.then((answer): Reply => ({ outcome: "answered", answer })),
        ended.promise.then((exit): Reply => ({ outcome: "exited", exit })),
        late.promise.then((): Reply => ({ outcome: "silent", ended: ended.promise })),
      ]);
      clearTimeout(timer);
      return reply;
    },
    handOver(events) {
      owner = events;
      // The new owner is still being made; it gets what was said when it can take it.
      queueMicrotask(() => said.splice(0).forEach(events.line));
    },
  };
}
