// What one server process says of its tools: the one place that asks it and remembers the list. What a caller may see or
// call is not decided here.
// https://modelcontextprotocol.io/specification/2026-07-28/server/tools#listing-tools
import { composeRequest } from "../frame/compose.ts";
import { findMember, spanText, type Message } from "../frame/message.ts";
import { mentions } from "../frame/splice.ts";
import { readTools, type ToolSchema } from "../frame/tool-list.ts";
import { writeEnvelope, type Envelope } from "./envelope.ts";
import type { Waiter } from "./process/call-table.ts";
import type { Multiplexer } from "./process/multiplexer.ts";
import type { CatalogTool, ParamHeader, ToolCatalog, ToolEdition } from "./bridge.ts";

export interface ProcessToolCatalog extends ToolCatalog {
  /** Whether the server is being asked. */
  readonly isReading: boolean;
  /** The server has announced that its list of tools has changed. */
  forget(): void;
  /** The process has ended, and the next one may have other tools. */
  lost(): void;
}

/** Asks the server for one page of its tools; `undefined` when the process is gone before it has answered. */
export type ListTools = (cursor: string | undefined) => Promise<Message | undefined> | undefined;

type ClientEnvelope = Pick<Envelope, "clientInfo" | "capabilities">;

/** The catalog of a server with sessions. */
export function catalogTools({ request }: Pick<Multiplexer<Waiter>, "request">, now: () => number) {
  return createToolCatalog(
    (cursor) => request((number) => composeRequest(number, "tools/list", { cursor })),
    now,
  );
}

/** The catalog of a server without sessions. @param findEnvelope of any client of the process; `undefined` when all have gone */
export function catalogStatelessTools(
  { request }: Pick<Multiplexer<Waiter>, "request">,
  now: () => number,
  findEnvelope: () => ClientEnvelope | undefined,
) {
  return createToolCatalog((cursor) => {
    const envelope = findEnvelope();
    if (envelope === undefined) return undefined;
    const meta = JSON.parse(`{${writeEnvelope({ ...envelope, logLevel: undefined })}}`) as unknown;
    return request((number) => composeRequest(number, "tools/list", { _meta: meta, cursor }));
  }, now);
}

interface ToolList {
  readonly tools: ReadonlyMap<string, CatalogTool>;
  /** Whether all of it could be read. */
  readonly isComplete: boolean;
}

/** How long a server's description of a tool decides what callers may do, in milliseconds. */
const KNOWN_FOR = 60_000;
const MAX_PAGES = 100;
const UNLISTED: CatalogTool = { annotations: undefined, paramHeaders: [] };

/** A list that is being read. */
interface ListReading {
  readonly at: number;
  list: Promise<ToolList | undefined>;
}

export function createToolCatalog(listTools: ListTools, now: () => number): ProcessToolCatalog {
  /** The newest list. It stays in use while the next one is read, which the server may never answer. */
  let known: { at: number; list: ToolList } | undefined;
  /** The newest one that is being read, unless the tools have changed since it was asked for. */
  let newest: ListReading | undefined;
  let readings = 0;
  let edition: ToolEdition = { isAnnounced: false };
  const isRecent = ({ at }: { at: number }) => at + KNOWN_FOR > now();

  function read(): ListReading {
    const at = now();
    const reading: ListReading = { at, list: readAll(listTools).finally(() => readings--) };
    reading.list = reading.list.then((list) => keep(reading, list));
    newest = reading;
    readings++;
    return reading;
  }

  function keep(reading: ListReading, list: ToolList | undefined): ToolList | undefined {
    if (newest !== reading) return list;
    newest = undefined;
    // A list that could not be had is asked for again.
    const isBetter = list?.isComplete || !known?.list.isComplete;
    if (list !== undefined && isBetter) known = { at: reading.at, list };
    return list;
  }

  /** A list with this tool, or one that was asked for after this call. */
  async function findList(name: string): Promise<ToolList | undefined> {
    if (known !== undefined && isRecent(known) && holds(known.list, name)) return known.list;
    const earlier = newest;
    if (earlier !== undefined && isRecent(earlier)) {
      const list = await earlier.list;
      if (holds(list, name)) return list;
    }
    const later = newest === earlier ? undefined : newest;
    return (later ?? read()).list;
  }

  const begin = (next: ToolEdition) => {
    edition = next;
    known = undefined;
    newest = undefined;
  };

  return {
    get edition() {
      return edition;
    },
    get isReading() {
      return readings > 0;
    },
    async find(name) {
      const list = await findList(name);
      return list?.isComplete ? (list.tools.get(name) ?? UNLISTED) : undefined;
    },
    async paramHeadersOf(name) {
      const list = known?.list ?? (await (newest ?? read()).list);
      return list?.tools.get(name)?.paramHeaders ?? UNLISTED.paramHeaders;
    },
    forget: () => begin({ isAnnounced: true }),
    lost: () => begin({ isAnnounced: false }),
  };
}

function holds(list: ToolList | undefined, name: string): boolean {
  return list !== undefined && list.isComplete && list.tools.has(name);
}

async function readAll(listTools: ListTools): Promise<ToolList | undefined> {
  const tools = new Map<string, CatalogTool>();
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await listTools(cursor);
    if (answer === undefined) return undefined;
    if (!addTools(tools, answer)) return { tools, isComplete: false };
    const next = spanText(answer.bytes, findMember(answer, answer.resultAt, "nextCursor"));
    if (next === undefined || !next.startsWith('"')) break;
    cursor = JSON.parse(next) as string;
  }
  return { tools, isComplete: true };
}

/** @returns false when the answer holds no list of tools */
function addTools(tools: Map<string, CatalogTool>, answer: Message): boolean {
  const listed = readTools(answer);
  if (listed === undefined) return false;
  const hasHeaders = mentions(answer.bytes, "x-mcp-header");
  for (const { tool, isAmbiguous } of listed) {
    // Nothing is allowed because of a tool that some readers take for another; its headers are compared all the same.
    const annotations = isAmbiguous ? tools.get(tool.name)?.annotations : tool.annotations;
    const paramHeaders = hasHeaders ? findHeaders(tool.inputSchema, []) : UNLISTED.paramHeaders;
    tools.set(tool.name, { annotations, paramHeaders });
  }
  return true;
}

/**
 * Annotated properties, by way of `properties` alone.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#custom-headers-from-tool-parameters
 */
function findHeaders(schema: ToolSchema | null | undefined, path: readonly string[]): ParamHeader[] {
  return Object.entries(schema?.properties ?? {}).flatMap(([key, property]) => {
    const here = [...path, key];
    const name = property?.["x-mcp-header"];
    const own = typeof name === "string" && name !== "" ? [{ name, path: here }] : [];
    return [...own, ...findHeaders(property, here)];
  });
}
