// The tools in an answer to `tools/list`, each as the server wrote it and as far as this program looks at it.
// https://modelcontextprotocol.io/specification/2026-07-28/server/tools#listing-tools
import { findMember, spanText, type Message } from "./message.ts";
import { TOOL } from "./names.ts";
import { readElements, readObject } from "./scan.ts";

export interface ListedToolText {
  tool: ToolDescription;
  /** As the server wrote it. */
  text: string;
  /** Some readers take it for another tool than others do: it must count as absent where tools are decided on. */
  isAmbiguous: boolean;
}

export interface ToolDescription {
  name: string;
  annotations?: { readOnlyHint?: unknown; destructiveHint?: unknown } | undefined;
  inputSchema?: ToolSchema | undefined;
}

export interface ToolSchema {
  properties?: Record<string, ToolSchema | null>;
  "x-mcp-header"?: unknown;
}

/** @returns `undefined` when the answer holds no list of tools */
export function readTools(answer: Message): ListedToolText[] | undefined {
  const { bytes } = answer;
  const at = findMember(answer, answer.resultAt, "tools");
  const elements = at && readElements(bytes, at.start, at.end);
  return elements?.flatMap((element) => {
    const object = readObject(bytes, element.start, element.end, TOOL);
    if (object === undefined) return [];
    const text = spanText(bytes, element)!;
    return [{ tool: JSON.parse(text) as ToolDescription, text, isAmbiguous: object.doubt !== undefined }];
  });
}
