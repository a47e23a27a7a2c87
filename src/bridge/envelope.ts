// The envelope: since revision 2026-07-28 every request says in `params._meta` who sends it.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/index#meta
import { MODERN } from "../mcp/revisions.ts";
import { spanText, type Message } from "../frame/message.ts";
import { META } from "../mcp/meta.ts";
import type { Member } from "../frame/scan.ts";
import { insertMembers, removeMembers, type Edit } from "../frame/splice.ts";

export type ClientCapabilities = Readonly<Record<string, unknown>>;

/** An envelope that has been validated. */
export interface Envelope {
  version: string;
  /** JSON text; `undefined` when the client does not give its name. */
  clientInfo: string | undefined;
  capabilities: ClientCapabilities;
  /** Equal for equal capabilities, however they are written. */
  capabilitiesKey: string;
  logLevel: string | undefined;
}

/** Whether a message has an envelope, and so is written in a revision without sessions. */
export function hasEnvelope(message: Message): boolean {
  for (const key of readMeta(message).keys()) if (ENVELOPE.has(key)) return true;
  return false;
}

/** JSON text that is equal for equal values: keys in order, no white space. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(",")}}`;
}

const ENVELOPE: ReadonlySet<string> = new Set([
  META.version,
  META.clientInfo,
  META.capabilities,
  META.logLevel,
]);
/** Params that a retry has beyond those of the request itself. */
const RETRY: ReadonlySet<string> = new Set(["inputResponses", "requestState"]);

/** Removes what a server with sessions does not know: the envelope and the members of a retry. Other keys of `_meta` stay. */
export function stripEnvelope({ params }: Message): Edit[] {
  if (params === undefined) return [];
  const meta = params.get("_meta")?.members;
  const isEmptied = meta !== undefined && [...meta.keys()].every((key) => ENVELOPE.has(key));
  const edits = removeMembers(params, (key) => RETRY.has(key) || (key === "_meta" && isEmptied));
  return meta === undefined || isEmptied
    ? edits
    : [...edits, ...removeMembers(meta, (key) => ENVELOPE.has(key))];
}

/**
 * Puts members into a message's `params._meta`, and adds `params` and `_meta` where they are missing.
 *
 * @param members JSON text of the members of `_meta`
 * @param beside JSON text of members for `params` itself
 */
export function addMeta({ bytes, paramsAt, params }: Message, members: string, beside = ""): Edit[] {
  if (paramsAt === undefined) {
    const end = bytes.lastIndexOf(0x7d);
    return [{ at: { start: end, end }, text: `,"params":{${join(beside, `"_meta":{${members}}`)}}` }];
  }
  const meta = params?.get("_meta");
  if (params === undefined) return [{ at: paramsAt, text: `{${join(beside, `"_meta":{${members}}`)}}` }];
  if (meta === undefined) return [insertMembers(bytes, paramsAt, join(beside, `"_meta":{${members}}`))];
  const isObject = bytes[meta.start] === 0x7b;
  const inMeta = isObject ? insertMembers(bytes, meta, members) : { at: meta, text: `{${members}}` };
  return beside === "" ? [inMeta] : [insertMembers(bytes, paramsAt, beside), inMeta];
}

function join(...members: string[]): string {
  return members.filter((member) => member !== "").join(",");
}

/** JSON text of the members of an envelope. */
export function writeEnvelope({
  clientInfo,
  capabilities,
  logLevel,
}: Pick<Envelope, "clientInfo" | "capabilities" | "logLevel">): string {
  const members = [`"${META.version}":"${MODERN}"`, `"${META.capabilities}":${JSON.stringify(capabilities)}`];
  if (clientInfo !== undefined) members.push(`"${META.clientInfo}":${clientInfo}`);
  if (logLevel !== undefined) members.push(`"${META.logLevel}":${JSON.stringify(logLevel)}`);
  return members.join(",");
}

/** The members of a request's `_meta`; empty when it has none. */
export function readMeta({ params }: Message): ReadonlyMap<string, Member> {
  return params?.get("_meta")?.members ?? NO_MEMBERS;
}

const NO_MEMBERS: ReadonlyMap<string, Member> = new Map();

/** The value of a span of JSON. For small values only: large ones are passed on unread. */
export function parseSpan(message: Message, span: { start: number; end: number } | undefined): unknown {
  const text = spanText(message.bytes, span);
  return text === undefined ? undefined : (JSON.parse(text) as unknown);
}
