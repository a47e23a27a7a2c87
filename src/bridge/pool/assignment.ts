// Which clients share a server process. By default one serves a person's OAuth client and a set of capabilities, which is
// what one desktop application would start; anonymous callers among people who have signed in share one of their own.
import type { ChildOccasion, ChildOwner } from "../../child/child.ts";
import { findMember, rawParam, stringParam, type Message } from "../../frame/message.ts";
import type { BridgeCaller, ProcessMode } from "../bridge.ts";
import { canonical, parseSpan, type Envelope } from "../envelope.ts";

/** The process a client is assigned to. */
export interface ProcessAssignment {
  /** Clients with equal keys share the process. */
  readonly key: string;
  /** `person`: the sessions and requests of one OAuth client of a person; `session`: one session alone. */
  readonly sharing: "person" | "session" | "everyone" | "anonymous";
  /** The caller that needs it; other callers may follow where it is shared. */
  readonly caller: BridgeCaller;
  /** Variables that the process gets beside those of every other one. */
  readonly env: ChildOccasion["env"];
}

export interface SharingRules {
  process: ProcessMode;
  /** Callers without a key are anonymous among people who have signed in. */
  hasAnonymous: boolean;
  /** Variables for the process of one caller. */
  environmentFor?(caller: BridgeCaller): ChildOccasion["env"];
}

const NO_ENVIRONMENT: ChildOccasion["env"] = {};

/** @param session a number that no other session has */
export function assignSession(
  caller: BridgeCaller,
  initialize: Message,
  session: number,
  rules: SharingRules,
): ProcessAssignment {
  const common = assignShared(caller, rules);
  if (common !== undefined) return common;
  const isAlone = caller.key === "" || rules.process === "session";
  const share = isAlone ? `session ${session}` : `client ${caller.key}`;
  const version = stringParam(initialize, "protocolVersion");
  const key = ["legacy", version, capabilitiesKey(initialize)];
  return assignOwn(caller, share, isAlone ? "session" : "person", { key, rules });
}

export function assignRequest(
  caller: BridgeCaller,
  envelope: Envelope,
  rules: SharingRules,
): ProcessAssignment {
  const key = ["modern", envelope.capabilitiesKey];
  return assignShared(caller, rules) ?? assignOwn(caller, `client ${caller.key}`, "person", { key, rules });
}

/** The one process that many callers share, whatever they can do and whichever revision they speak. */
function assignShared(
  caller: BridgeCaller,
  { process, hasAnonymous }: SharingRules,
): ProcessAssignment | undefined {
  if (hasAnonymous && caller.key === "")
    return { key: "anonymous", sharing: "anonymous", caller, env: NO_ENVIRONMENT };
  if (process === "shared") return { key: "everyone", sharing: "everyone", caller, env: NO_ENVIRONMENT };
  return undefined;
}

function assignOwn(
  caller: BridgeCaller,
  share: string,
  sharing: ProcessAssignment["sharing"],
  { key, rules }: { key: readonly unknown[]; rules: SharingRules },
): ProcessAssignment {
  const env = rules.environmentFor?.(caller) ?? NO_ENVIRONMENT;
  const variables = hasVariables(env) ? [canonical(env)] : [];
  return { key: JSON.stringify([share, ...key, ...variables]), sharing, caller, env };
}

/** Whether a process that was started before its client was known fits: an environment cannot be changed afterwards. */
export function mayTakeStandby({ env }: ProcessAssignment): boolean {
  return !hasVariables(env);
}

/** Whom the process is started for, and with what environment. */
export function occasionOf({ sharing, caller, env }: ProcessAssignment): ChildOccasion {
  return { owner: ownerOf(sharing, caller), env };
}

function ownerOf(sharing: ProcessAssignment["sharing"], { key, principal }: BridgeCaller): ChildOwner {
  if (sharing === "everyone") return { kind: "shared" };
  if (key === "") return { kind: "anonymous" };
  return { kind: "caller", key, subject: principal?.subject, clientId: principal?.clientId };
}

function hasVariables(env: ChildOccasion["env"]): boolean {
  return env !== NO_ENVIRONMENT && Object.keys(env).length > 0;
}

function capabilitiesKey(initialize: Message): string {
  const at = findMember(initialize, initialize.paramsAt, "capabilities");
  return rawParam(initialize, "capabilities") === undefined ? "" : canonical(parseSpan(initialize, at));
}
