// Compares the headers that repeat a tool's arguments with the arguments (`x-mcp-header`).
// https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#server-behavior-for-custom-headers
import type { ParamHeader } from "../../bridge/bridge.ts";
import { parseSpan } from "../../bridge/envelope.ts";
import { findMember, type Message } from "../../frame/message.ts";
import { isSameValue, readHeaderValue } from "./header-value.ts";

/** @returns what is wrong; `undefined` when everything is as it should be */
export function checkParamHeaders(
  headers: Headers,
  call: Message,
  expected: readonly ParamHeader[],
): string | undefined {
  for (const { name, path } of expected) {
    const header = headers.get(`mcp-param-${name}`);
    const value = parseSpan(call, findMember(call, call.paramsAt, "arguments", ...path)) ?? null;
    if (header !== null && readHeaderValue(header) === undefined) return `Mcp-Param-${name} cannot be read.`;
    if (value === null) {
      if (header !== null) return `Mcp-Param-${name} is given, the argument is not.`;
      continue;
    }
    if (header === null) return `Mcp-Param-${name} is missing.`;
    if (!isSameValue(header, value)) return `Mcp-Param-${name} is "${header}", the argument is another.`;
  }
  return undefined;
}
