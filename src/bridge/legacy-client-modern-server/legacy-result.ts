// Wraps the output of tools for clients of older revisions, in which every output is an object: for one tool with any
// other output they refuse the whole list.
// https://modelcontextprotocol.io/specification/2025-11-25/server/tools#output-schema
import { findMember, spanText, stringParam, type Message } from "../../frame/message.ts";
import { readElements, readMembers, type Span } from "../../frame/scan.ts";
import { mentions, type Edit } from "../../frame/splice.ts";

export interface LegacyTools {
  /** The edits that the answer to a request needs, besides its id. */
  edit(answer: Message, request: Message): Edit[];
}

export function createLegacyTools(): LegacyTools {
  /** Tools whose output is wrapped. */
  const wrapped = new Set<string>();

  return {
    edit(answer, request) {
      if (request.method === "tools/list") return wrapSchemas(answer, wrapped);
      if (request.method === "tools/call")
        return wrapOutput(answer, wrapped.has(stringParam(request, "name") ?? ""));
      return [];
    },
  };
}

function wrapSchemas(answer: Message, wrapped: Set<string>): Edit[] {
  if (!mentions(answer.bytes, '"outputSchema"')) return [];
  const { bytes } = answer;
  const tools = findMember(answer, answer.resultAt, "tools");
  const elements = (tools && readElements(bytes, tools.start, tools.end)) ?? [];
  return elements.flatMap((tool): Edit[] => {
    const members = readMembers(bytes, tool.start, tool.end);
    const at = members?.get("outputSchema");
    const name = parse(bytes, members?.get("name"));
    const schema = parse(bytes, at);
    if (typeof name !== "string") return [];
    // The server may have become another one since it was listed last.
    wrapped.delete(name);
    if (at === undefined) return [];
    if ((schema as { type?: unknown } | null)?.type === "object") return [];
    wrapped.add(name);
    return [{ at, text: JSON.stringify(wrapSchema(schema)) }];
  });
}

/** @param schema any JSON Schema (2020-12): an object, or `true` or `false` */
function wrapSchema(schema: unknown): unknown {
  const isObject = typeof schema === "object" && schema !== null;
  const { $schema, ...rest } = (isObject ? schema : {}) as Record<string, unknown>;
  return {
    ...($schema !== undefined && { $schema }),
    type: "object",
    properties: { result: isObject ? moveReferences(rest) : schema },
    required: ["result"],
  };
}

/** Makes references into the schema's own document lead to its new place. */
function moveReferences(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(moveReferences);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, member]) => {
    const isReference = key === "$ref" || key === "$dynamicRef";
    const isLocal = isReference && typeof member === "string" && /^#(?:\/|$)/.test(member);
    return [key, isLocal ? `#/properties/result${member.slice(1)}` : moveReferences(member)];
  });
  return Object.fromEntries(entries) as unknown;
}

function wrapOutput(answer: Message, isWrapped: boolean): Edit[] {
  if (!mentions(answer.bytes, '"structuredContent"')) return [];
  const at = findMember(answer, answer.resultAt, "structuredContent");
  if (at === undefined || (!isWrapped && answer.bytes[at.start] === 0x7b)) return [];
  return [
    { at: { start: at.start, end: at.start }, text: '{"result":' },
    { at: { start: at.end, end: at.end }, text: "}" },
  ];
}

function parse(bytes: Uint8Array, span: Span | undefined): unknown {
  const text = spanText(bytes, span);
  return text === undefined ? undefined : (JSON.parse(text) as unknown);
}

/** Whether an answer asks the client for input instead of ending the call. */
export function isInputRequired(answer: Message): boolean {
  if (!mentions(answer.bytes, '"input_required"')) return false;
  return spanText(answer.bytes, findMember(answer, answer.resultAt, "resultType")) === '"input_required"';
}
