// Which revisions the server speaks, found out with the first process of a run. A server may end at anything its revision
// does not know before `initialize` (Rust's rmcp: https://github.com/modelcontextprotocol/rust-sdk/pull/745),
// and may take minutes to start; so no time decides anything here, only answers and ends do.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/stdio#backward-compatibility
import type { ChildExit } from "../../child/child.ts";
import { settlesWithin } from "../../deadline.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import { findMember, spanText, type Message } from "../../frame/message.ts";
import type { ChildEra } from "../bridge.ts";
import type { Candidate, Reply } from "./candidate.ts";
import type { Candidates } from "./candidates.ts";
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

type ProbeProcesses = Pick<Candidates, "startWaiting" | "startDisposable" | "discard">;

/**
 * Milliseconds after which one more process is started and sent `initialize`, because some servers do not answer what they
 * do not know. Most packages are fetched by then: two processes that fetch at the same time hinder each other.
 */
const SILENCE = 10_000;

export function probe(era: ChildEra, processes: ProbeProcesses): Promise<ProbeResult> {
  switch (era) {
    case "legacy":
      return probeHandshake(processes);
    case "modern":
      return probeStateless(processes);
    case "auto":
      return probeBoth(processes);
  }
}

async function probeHandshake(processes: ProbeProcesses): Promise<ProbeResult> {
  const reply = await processes.startDisposable(() => true).request(composeInitialize);
  return conclude(reply, { isStateless: false, standby: undefined, isStrict: true });
}

async function probeStateless({ startWaiting }: ProbeProcesses): Promise<ProbeResult> {
  const standby = startWaiting();
  return conclude(await standby.request(composeDiscover), { isStateless: true, standby, isStrict: false });
}

async function probeBoth(processes: ProbeProcesses): Promise<ProbeResult> {
  const first = processes.startWaiting();
  let ended: ChildExit | undefined;
  const asked = first.request(composeDiscover).then((reply) => {
    if (reply.outcome === "exited") ended = reply.exit;
    return reply;
  });
  // Lines that the first one has written are not shown again, and while it runs those of a second one only confuse.
  const isShown = (line: string) => ended?.stderrTail.includes(line) === false;
  const initialize = (shows = isShown) => processes.startDisposable(shows).request(composeInitialize);
  const sibling = (await settlesWithin(asked, SILENCE)) ? undefined : initialize();
  let reply = await (sibling === undefined ? asked : Promise.race([asked, sibling]));
  if (reply.outcome !== "answered" && sibling !== undefined && ended === undefined) {
    // A sibling may have ended because the first holds its port, be that slow or silent for good.
    if (await settlesWithin(asked, SILENCE)) reply = await asked;
    else {
      await processes.discard(first);
      return concludeInitialized(await initialize(() => true));
    }
  }
  if (reply.outcome === "answered") {
    return conclude(reply, { isStateless: isStateless(reply.answer), standby: first, isStrict: false });
  }
  // The first was ended by the request, or is broken: one that is sent initialize first shows which.
  let second = await (sibling ?? initialize());
  // It may have ended because the first was still there.
  if (second.outcome !== "answered" && sibling !== undefined) second = await initialize();
  const hasMoreToSay =
    second.outcome === "answered" || (second.outcome === "exited" && second.exit.stderrTail.length > 0);
  return concludeInitialized(hasMoreToSay ? second : reply);
}

/** For a process that was asked nothing before `initialize`. */
function concludeInitialized(reply: Reply): ProbeResult {
  const isModern = reply.outcome === "answered" && isStateless(reply.answer);
  return conclude(reply, { isStateless: isModern, standby: undefined, isStrict: true });
}

function conclude(
  reply: Reply,
  found: Omit<Extract<ProbeResult, { outcome: "answered" }>, "outcome" | "answer">,
): ProbeResult {
  if (reply.outcome === "answered") return { ...reply, ...found };
  if (reply.outcome === "exited") return reply;
  throw new Error("A request without a time limit is answered, or its process ends.");
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
