// Writes the answer of a server with sessions as revision 2026-07-28 wants it: members are put in where they are missing,
// one or two are taken out, everything else stays byte for byte.
// https://modelcontextprotocol.io/specification/2026-07-28/changelog
import { ErrorCode } from "../../mcp/error-code.ts";
import { findMember, spanText, type Message } from "../../frame/message.ts";
import { readElements, readMembers } from "../../frame/scan.ts";
import { insertMembers, mentions, removeMembers, splice, type Edit } from "../../frame/splice.ts";
import { META } from "../../mcp/meta.ts";

export interface ModernAnswer {
  bytes: Uint8Array;
  /** The error's code, for an error. */
  code?: number;
}

/** Results that say how long they may be cached: not at all, because the server has not said so. */
const CACHEABLE: ReadonlySet<string> = new Set([
  "tools/list",
  "prompts/list",
  "resources/list",
  "resources/templates/list",
  "resources/read",
]);

/**
 * @param method of the request
 * @param id the client's id, as it is written
 * @param serverInfo JSON text of what the server calls itself
 */
export function writeModernAnswer(
  answer: Message,
  method: string,
  id: string,
  serverInfo: string,
): ModernAnswer {
  const own: Edit = { at: answer.idAt!, text: id };
  if (answer.kind === "error") return writeError(answer, method, own);
  return { bytes: splice(answer.bytes, [own, ...completeResult(answer, method, serverInfo)]) };
}

function completeResult({ bytes, resultAt }: Message, method: string, serverInfo: string): Edit[] {
  const result = resultAt!;
  if (bytes[result.start] !== 0x7b) return [];
  const wanted = [
    `"resultType":"complete"`,
    ...(CACHEABLE.has(method) ? [`"ttlMs":0`, `"cacheScope":"private"`] : []),
  ];
  const meta = `"${META.serverInfo}":${serverInfo}`;
  // To walk through a large result is expensive, and hardly ever needed.
  const isPlain = !["resultType", "ttlMs", "cacheScope", "_meta"].some((name) =>
    mentions(bytes, `"${name}"`),
  );
  if (isPlain) {
    const edits = [insertMembers(bytes, result, [...wanted, `"_meta":{${meta}}`].join(","))];
    return method === "tools/list" ? [...edits, ...dropExecution(bytes, result)] : edits;
  }
  const members = readMembers(bytes, result.start, result.end);
  const missing = wanted.filter((member) => !members?.has(/^"(\w+)"/.exec(member)![1]!));
  const own = members?.get("_meta");
  const isObject = own !== undefined && bytes[own.start] === 0x7b;
  if (own === undefined) missing.push(`"_meta":{${meta}}`);
  const edits = missing.length > 0 ? [insertMembers(bytes, result, missing.join(","))] : [];
  if (isObject && !readMembers(bytes, own.start, own.end)?.has(META.serverInfo)) {
    edits.push(insertMembers(bytes, own, meta));
  }
  return method === "tools/list" ? [...edits, ...dropExecution(bytes, result)] : edits;
}

/** 2025-11-25 says in `execution` whether a tool can run as a task; 2026-07-28 has no place for it. */
function dropExecution(bytes: Uint8Array, result: { start: number; end: number }): Edit[] {
  if (!mentions(bytes, '"execution"')) return [];
  const tools = readMembers(bytes, result.start, result.end)?.get("tools");
  const elements = (tools && readElements(bytes, tools.start, tools.end)) ?? [];
  return elements.flatMap((tool) =>
    removeMembers(readMembers(bytes, tool.start, tool.end) ?? new Map(), (key) => key === "execution"),
  );
}

function writeError(answer: Message, method: string, own: Edit): ModernAnswer {
  const at = findMember(answer, answer.errorAt, "code");
  const code = Number(spanText(answer.bytes, at));
  // 2026-07-28 has no code of its own for a resource that does not exist.
  const isMissing = code === ErrorCode.resourceNotFound && method === "resources/read";
  if (!isMissing || at === undefined) return { bytes: splice(answer.bytes, [own]), code };
  const renamed = { at, text: String(ErrorCode.invalidParams) };
  return { bytes: splice(answer.bytes, [own, renamed]), code: ErrorCode.invalidParams };
}
