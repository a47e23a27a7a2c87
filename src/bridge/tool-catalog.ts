// Which arguments of a tool its callers repeat in headers: `x-mcp-header` in the tool's input schema.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#custom-headers-from-tool-parameters
import { findMember, spanText, type Message } from "../frame/message.ts";
import { mentions } from "../frame/splice.ts";
import type { ParamHeader } from "./bridge.ts";

export interface ToolHeaders {
  of(tool: string): Promise<readonly ParamHeader[]>;
  /** The list of tools has changed. */
  forget(): void;
}

/** @param listTools asks the server for one page of its tools; `undefined` when it did not answer */
export function createToolHeaders(
  listTools: (cursor: string | undefined) => Promise<Message | undefined>,
): ToolHeaders {
  let known: ReturnType<typeof readAll> | undefined;

  return {
    async of(tool) {
      const read = (known ??= readAll(listTools));
      const headers = await read;
      // A list that could not be had is asked for again.
      if (headers === undefined && known === read) known = undefined;
      return headers?.get(tool) ?? [];
    },
    forget() {
      known = undefined;
    },
  };
}

const MAX_PAGES = 100;

async function readAll(
  listTools: (cursor: string | undefined) => Promise<Message | undefined>,
): Promise<ReadonlyMap<string, readonly ParamHeader[]> | undefined> {
  const headers = new Map<string, readonly ParamHeader[]>();
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await listTools(cursor);
    if (answer === undefined) return undefined;
    if (answer.resultAt === undefined) break;
    if (mentions(answer.bytes, "x-mcp-header")) {
      const { tools = [] } = JSON.parse(spanText(answer.bytes, answer.resultAt)!) as { tools?: Tool[] };
      for (const { name, inputSchema } of tools) headers.set(name, findHeaders(inputSchema, []));
    }
    const next = spanText(answer.bytes, findMember(answer, answer.resultAt, "nextCursor"));
    if (next === undefined || !next.startsWith('"')) break;
    cursor = JSON.parse(next) as string;
  }
  return headers;
}

interface Tool {
  name: string;
  inputSchema: Schema | undefined;
}

interface Schema {
  properties?: Record<string, Schema | null>;
  "x-mcp-header"?: unknown;
}

/** Annotated properties, by way of `properties` alone. */
function findHeaders(schema: Schema | null | undefined, path: readonly string[]): ParamHeader[] {
  return Object.entries(schema?.properties ?? {}).flatMap(([key, property]) => {
    const here = [...path, key];
    const name = property?.["x-mcp-header"];
    const own = typeof name === "string" && name !== "" ? [{ name, path: here }] : [];
    return [...own, ...findHeaders(property, here)];
  });
}
