// What the server speaks, found out by the first process of a run. A server may end at anything its revision
// does not know before it is greeted (Rust's rmcp: https://github.com/modelcontextprotocol/rust-sdk/pull/745),
// and may take minutes to start; so no time decides anything here, only answers and ends do.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/stdio#backward-compatibility
import type { ChildExit } from "../../child/child.ts";
import { settlesWithin } from "../../deadline.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import { findMember, spanText, type Message } from "../../frame/message.ts";
import type { ServerEra } from "../bridge.ts";
import type { Candidate, Reply } from "./candidate.ts";
import { parseSpan } from "../envelope.ts";
import { MODERN } from "../../mcp/revisions.ts";
import { composeDiscover, composeInitialize } from "../process/own-requests.ts";

export type ProbeResult =
  | {
      outcome: "answered";
      answer: Message;
      /** It serves clients without sessions. */
      isStateless: boolean;
      /** The process that has answered and is of use to a client; `undefined` when there is none. */
      standby: Candidate | undefined;
      /** It may be asked nothing before `initialize`. */
      isStrict: boolean;
    }
  /** It does not work. */
  | { outcome: "exited"; exit: ChildExit };

export interface ProbeProcesses {
  /** A process that a client gets. */
  first(): Candidate;
  /** One that is greeted in nobody's name and thrown away. @param isShown whether a line it writes to stderr is for people */
  disposable(isShown: (line: string) => boolean): Candidate;
  /** Ends one; resolves when nothing of it is left. */
  discard(candidate: Candidate): Promise<void>;
}

/**
 * Milliseconds after which one process more is started and greeted, because some servers say nothing to what they do
 * not know. Long enough for most packages to have been fetched: two at it at the same time are in each other's way.
 */
const SILENCE = 10_000;

export function probe(era: ServerEra, starts: ProbeProcesses): Promise<ProbeResult> {
  switch (era) {
    case "legacy":
      return probeHandshake(starts);
    case "modern":
      return probeStateless(starts);
    case "auto":
      return probeBoth(starts);
  }
}

async function probeHandshake(starts: ProbeProcesses): Promise<ProbeResult> {
  const reply = await starts.disposable(() => true).request(composeInitialize);
  return conclude(reply, { isStateless: false, standby: undefined, isStrict: true });
}

async function probeStateless({ first }: ProbeProcesses): Promise<ProbeResult> {
  const standby = first();
  return conclude(await standby.request(composeDiscover), { isStateless: true, standby, isStrict: false });
}

async function probeBoth(starts: ProbeProcesses): Promise<ProbeResult> {
  const first = starts.first();
  let ended: ChildExit | undefined;
  const asked = first.request(composeDiscover).then((reply) => {
    if (reply.outcome === "exited") ended = reply.exit;
    return reply;
  });
  // What the first one has said before is not said twice, and beside it a second one only confuses.
  const isShown = (line: string) => ended?.stderrTail.includes(line) === false;
  const greet = (shows = isShown) => starts.disposable(shows).request(composeInitialize);
  const sibling = (await settlesWithin(asked, SILENCE)) ? undefined : greet();
  let reply = await (sibling === undefined ? asked : Promise.race([asked, sibling]));
  if (reply.outcome !== "answered" && sibling !== undefined && ended === undefined) {
    // A sibling that ends may have found its place taken: by one that is slow, or that will never say a word.
    if (await settlesWithin(asked, SILENCE)) reply = await asked;
    else {
      await starts.discard(first);
      return concludeGreeted(await greet(() => true));
    }
  }
  if (reply.outcome === "answered") {
    return conclude(reply, { isStateless: isStateless(reply.answer), standby: first, isStrict: false });
  }
  // Ended by the question, or broken: one that is greeted first tells which.
  let second = await (sibling ?? greet());
  // It may have ended because the first was still there.
  if (second.outcome !== "answered" && sibling !== undefined) second = await greet();
  const hasMoreToSay =
    second.outcome === "answered" || (second.outcome === "exited" && second.exit.stderrTail.length > 0);
  return concludeGreeted(hasMoreToSay ? second : reply);
}

/** Of one that was asked nothing before its greeting. */
function concludeGreeted(reply: Reply): ProbeResult {
  const isModern = reply.outcome === "answered" && isStateless(reply.answer);
  return conclude(reply, { isStateless: isModern, standby: undefined, isStrict: true });
}

function conclude(
  reply: Reply,
  found: Omit<Extract<ProbeResult, { outcome: "answered" }>, "outcome" | "answer">,
): ProbeResult {
  if (reply.outcome === "answered") return { ...reply, ...found };
  if (reply.outcome === "exited") return reply;
  throw new Error("A question without a time limit is answered, or its process ends.");
}

/** Whether an answer to a first request is that of a server without sessions. Some with sessions answer it too. */
function isStateless(answer: Message): boolean {
  if (answer.kind === "error") {
    const code = Number(spanText(answer.bytes, findMember(answer, answer.errorAt, "code")));
    return code <= ErrorCode.headerMismatch && code >= ErrorCode.unsupportedVersion;
  }
  const versions = parseSpan(answer, findMember(answer, answer.resultAt, "supportedVersions"));
  return Array.isArray(versions) && versions.includes(MODERN);
}
