// Compares the headers that repeat a tool's arguments with the arguments (`x-mcp-header`).
// https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#server-behavior-for-custom-headers
import type { ParamHeader } from "../../bridge/bridge.ts";
import { parseSpan } from "../../bridge/envelope.ts";
import { findMember, type Message } from "../../frame/message.ts";
import { foldCase, quote } from "../../frame/names.ts";
import { readObject, type Member } from "../../frame/scan.ts";
import { isSameValue, readHeaderValue } from "./header-value.ts";

const OPEN_OBJECT = 0x7b;

/** @returns what is wrong; `undefined` when nothing is */
export function checkParamHeaders(
  headers: Headers,
  call: Message,
  expected: readonly ParamHeader[],
): string | undefined {
  for (const { name, path } of expected) {
    const header = headers.get(`mcp-param-${name}`);
    const { value, doubt } = findArgument(call, path);
    if (header !== null && readHeaderValue(header) === undefined) return `Mcp-Param-${name} cannot be read.`;
    if (doubt !== undefined)
      return `in the arguments ${doubt}, and Mcp-Param-${name} repeats only one value.`;
    if (value === null) {
      if (header !== null) return `Mcp-Param-${name} is given, the argument is not.`;
      continue;
    }
    if (header === null) return `Mcp-Param-${name} is missing.`;
    if (!isSameValue(header, value)) return `Mcp-Param-${name} is "${header}", the argument is another.`;
  }
  return undefined;
}

/**
 * @returns the argument's value, `null` where there is none, and `doubt` when an object on the way to it holds a key
 *   twice, or one that some readers take for it: the server may take the other one than we would. Alone it is in doubt
 *   too, for a server that takes it for the argument has a value then that no header repeats
 */
function findArgument(call: Message, path: readonly string[]): { value?: unknown; doubt?: string } {
  let span = findMember(call, call.paramsAt, "arguments");
  for (const key of path) {
    if (span === undefined || call.bytes[span.start] !== OPEN_OBJECT) return { value: null };
    const { members, doubt = doubtCase(members, key) } = readObject(call.bytes, span.start, span.end)!;
    if (doubt !== undefined) return { doubt };
    span = members.get(key);
  }
  return { value: parseSpan(call, span) ?? null };
}

/** Names of arguments are the tool's own: `re_gion` and `region` are two arguments. */
function doubtCase(members: ReadonlyMap<string, Member>, name: string): string | undefined {
  const folded = foldCase(name);
  for (const key of members.keys())
    if (key !== name && foldCase(key) === folded) return `some readers take ${quote(key)} for ${quote(name)}`;
  return undefined;
}
