// What is remembered of a list that a client was shown: enough to tell whether another one differs, and of tools in what.
// Two lists are the same when their entries are, in whatever order the entries and their keys stand.
import { createHash } from "node:crypto";
import { canonical } from "../../bridge/envelope.ts";
import { findMember, readMessages, spanText, type Message } from "../../frame/message.ts";
import { isUnshowable, SERVER_MESSAGE } from "../../frame/names.ts";
import { readElements } from "../../frame/scan.ts";

export interface ListSketch {
  /** Equal for equal lists. */
  readonly digest: string;
  /** Whether the client has fetched the last page. */
  readonly isComplete: boolean;
  /** By name; empty of lists of anything else. */
  readonly tools: ReadonlyMap<string, ToolSketch>;
}

export interface ToolSketch {
  /** Of all that the server says of the tool. */
  readonly digest: string;
  /** What a difference is described with; absent where the list is too large. */
  readonly details?: ToolDetails | undefined;
}

export interface ToolDetails {
  readonly arguments: readonly ArgumentSketch[];
  /** Digests. */
  readonly description: string;
  readonly annotations: string;
  readonly inputSchema: string;
  readonly outputSchema: string;
}

export type ArgumentSketch = readonly [name: string, type: string, isRequired: boolean];

/** Reads a list page by page, at the latest when it is asked for. */
export interface ListReader {
  /** @param cursor the page was asked for with; none for the first */
  add(cursor: string | undefined, page: Uint8Array): void;
  /** Of the pages so far; `undefined` when they cannot be read, or are too many. */
  sketch(): ListSketch | undefined;
}

/** Lists with more entries or bytes than this are not followed. */
const MOST_ENTRIES = 5_000;
const MOST_BYTES = 4 * 1024 * 1024;
/** Tools and arguments with longer names are compared, and not named. */
const LONGEST_NAME = 128;
const MOST_ARGUMENTS = 100;
const DIGEST_LENGTH = 11;

/** @param property of the result that holds the list */
export function createListReader(property: string): ListReader {
  const digests: string[] = [];
  const tools = new Map<string, ToolSketch>();
  /** Pages that have not been read, by their cursor; the empty one is that of the first. */
  const unread = new Map<string, Uint8Array>();
  /** Of the page that is read next; `undefined` when the last one has been. */
  let next: string | undefined = "";
  let size = 0;
  let isBroken = false;

  function read(page: Uint8Array): boolean {
    const answer = readListAnswer(page);
    const at = answer && findMember(answer, answer.resultAt, property);
    const elements = at && readElements(answer.bytes, at.start, at.end);
    if (elements === undefined || digests.length + elements.length > MOST_ENTRIES) return false;
    for (const element of elements) {
      const text = spanText(answer!.bytes, element)!;
      const value = parse(text);
      const whole = digestOf(value, text);
      digests.push(whole);
      if (property === "tools") addTool(tools, value, whole);
    }
    next = readNextCursor(answer!);
    return true;
  }

  return {
    add(cursor = "", page) {
      size += page.length;
      if (size > MOST_BYTES) isBroken = true;
      // The page may still be on its way, and be part of a larger buffer.
      else if (next !== undefined && !isBroken) unread.set(cursor, new Uint8Array(page));
      if (isBroken) unread.clear();
    },
    sketch() {
      for (let page = takePage(unread, next); page !== undefined; page = takePage(unread, next))
        isBroken ||= !read(page);
      if (isBroken || digestsMissing(digests, next)) return undefined;
      return { digest: digest(digests.toSorted().join("\n")), isComplete: next === undefined, tools };
    },
  };
}

function takePage(unread: Map<string, Uint8Array>, cursor: string | undefined): Uint8Array | undefined {
  if (cursor === undefined) return undefined;
  const page = unread.get(cursor);
  unread.delete(cursor);
  return page;
}

/** Whether not even the first page has been read. */
function digestsMissing(digests: readonly string[], next: string | undefined): boolean {
  return digests.length === 0 && next === "";
}

/** The cursor of the page after this one. */
export function readNextCursor(answer: Message): string | undefined {
  const next = parse(spanText(answer.bytes, findMember(answer, answer.resultAt, "nextCursor")) ?? "null");
  return typeof next === "string" ? next : undefined;
}

/** @returns `undefined` for everything but a result */
export function readListAnswer(bytes: Uint8Array): Message | undefined {
  const reading = readMessages(bytes, SERVER_MESSAGE);
  if ("fault" in reading || reading.batch) return undefined;
  const [answer] = reading.messages;
  return answer.kind === "result" ? answer : undefined;
}

function addTool(tools: Map<string, ToolSketch>, value: unknown, whole: string): void {
  const tool = asObject(value);
  const name = tool?.["name"];
  if (tool === undefined || typeof name !== "string") return;
  if (name.length > LONGEST_NAME || isUnshowable(name) || tools.has(name)) return;
  const part = (key: string) => (tool[key] === undefined ? "" : digestOf(tool[key], key));
  tools.set(name, {
    digest: whole,
    details: {
      arguments: sketchArguments(asObject(tool["inputSchema"])),
      description: part("description"),
      annotations: part("annotations"),
      inputSchema: part("inputSchema"),
      outputSchema: part("outputSchema"),
    },
  });
}

function sketchArguments(schema: JsonObject | undefined): ArgumentSketch[] {
  const required = schema?.["required"];
  const isRequired = new Set(Array.isArray(required) ? (required as unknown[]) : []);
  return Object.entries(asObject(schema?.["properties"]) ?? {})
    .filter(([name]) => name.length <= LONGEST_NAME && !isUnshowable(name))
    .slice(0, MOST_ARGUMENTS)
    .map(([name, property]) => [name, typeOf(asObject(property)), isRequired.has(name)]);
}

/** The type in a word, or a digest of whatever stands in its place. */
function typeOf(property: JsonObject | undefined): string {
  const type = property?.["type"];
  if (typeof type === "string" && type.length <= 20) return type;
  const { $ref, anyOf, oneOf, allOf, enum: values, const: value } = property ?? {};
  return digestOf([type, $ref, anyOf, oneOf, allOf, values, value], "");
}

type JsonObject = Readonly<Record<string, unknown>>;

function asObject(value: unknown): JsonObject | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** @param text stands for a value that is nested too deeply to be walked through */
function digestOf(value: unknown, text: string): string {
  try {
    return digest(canonical(value));
  } catch {
    return digest(text);
  }
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, DIGEST_LENGTH);
}
