// Compares the headers that repeat a tool's arguments with the arguments (`x-mcp-header`).
// https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#server-behavior-for-custom-headers
import type { ParamHeader } from "../../bridge/bridge.ts";
import { parseSpan } from "../../bridge/envelope.ts";
import { findMember, type Message } from "../../frame/message.ts";
import { foldName } from "../../frame/names.ts";
import { readMembers } from "../../frame/scan.ts";
import { isSameValue, readHeaderValue } from "./header-value.ts";

const OPEN_OBJECT = 0x7b;

/** @returns what is wrong; `undefined` when everything is as it should be */
export function checkParamHeaders(
  headers: Headers,
  call: Message,
  expected: readonly ParamHeader[],
): string | undefined {
  for (const { name, path } of expected) {
    const header = headers.get(`mcp-param-${name}`);
    const value = findArgument(call, path);
    if (header !== null && readHeaderValue(header) === undefined) return `Mcp-Param-${name} cannot be read.`;
    if (value === undefined)
      return `the arguments name something twice, and Mcp-Param-${name} repeats only one.`;
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
 * @returns the argument's value, `null` where there is none; `undefined` when an object on the way to it holds a key
 *   twice, or one that some readers take for it: the server may take the other one than we would
 */
function findArgument(call: Message, path: readonly string[]): unknown {
  let span = findMember(call, call.paramsAt, "arguments");
  for (const key of path) {
    if (span === undefined || call.bytes[span.start] !== OPEN_OBJECT) return null;
    const members = readMembers(call.bytes, span.start, span.end);
    if (members === undefined || hasTwin(members, key)) return undefined;
    span = members.get(key);
  }
  return parseSpan(call, span) ?? null;
}

function hasTwin(members: ReadonlyMap<string, unknown>, name: string): boolean {
  const folded = foldName(name);
  for (const key of members.keys()) if (key !== name && foldName(key) === folded) return true;
  return false;
}
