// One JSON-RPC 2.0 message as the bytes it came in, with the few places in it that a bridge must know.
// https://www.jsonrpc.org/specification; the limits on ids are MCP's (basic, "Requests").
// Nothing here re-serializes: what is not replaced reaches the other side byte for byte.
import { isUtf8 } from "node:buffer";
import { readElements, readMembers, type Member, type Span } from "./scan.ts";
import { decode, decodeString } from "./token.ts";

export interface Message {
  /** The message without a line end; no CR or LF is left in it. */
  readonly bytes: Uint8Array;
  readonly kind: "request" | "notification" | "result" | "error";
  /** The id as it is written, quotes and all: `7`, `"a"`; empty for a notification, `null` where an error has none. */
  readonly id: string;
  readonly idAt: Span | undefined;
  /** Empty for an answer. */
  readonly method: string;
  readonly paramsAt: Span | undefined;
  /** What `params` holds; `undefined` when it is no object, or one that holds a key twice. */
  readonly params: ReadonlyMap<string, Member> | undefined;
  readonly resultAt: Span | undefined;
  readonly errorAt: Span | undefined;
}

/** Why bytes are no message: `parse` (no JSON) or `shape` (JSON, but no JSON-RPC 2.0). */
export type Fault = "parse" | "shape";

/** A body or a line: one message, several, or none. */
export type Reading =
  | { readonly batch: false; readonly messages: readonly [Message] }
  | { readonly batch: true; readonly messages: readonly Message[] }
  | { readonly fault: Fault };

/** Messages in one body or line. */
const MAX_BATCH = 100;
const QUOTE = 0x22;
const OPEN_ARRAY = 0x5b;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/** Reads a whole body or line. Takes ownership of `bytes`: line ends between tokens become spaces in place. */
export function readMessages(bytes: Uint8Array): Reading {
  if (!isUtf8(bytes)) return { fault: "parse" };
  unwrapLines(bytes);
  const start = bytes.findIndex((byte) => byte > SPACE);
  if (bytes[start] !== OPEN_ARRAY) {
    const message = readMessage(bytes);
    return typeof message === "string" ? { fault: message } : { batch: false, messages: [message] };
  }
  const elements = readElements(bytes);
  if (elements === undefined) return { fault: "parse" };
  if (elements.length > MAX_BATCH) return { fault: "shape" };
  const messages = elements.map((element) => readMessage(bytes.subarray(element.start, element.end)));
  if (messages.length === 0 || messages.includes("shape") || messages.includes("parse"))
    return { fault: "shape" };
  return { batch: true, messages: messages as Message[] };
}

function readMessage(bytes: Uint8Array): Message | Fault {
  const members = readMembers(bytes, 0, bytes.length, "params");
  if (members === undefined) return "parse";
  const text = (name: string) => spanText(bytes, members.get(name));
  if (text("jsonrpc") !== '"2.0"') return "shape";
  const idAt = members.get("id");
  const id = text("id") ?? "";
  const methodAt = members.get("method");
  const method = methodAt === undefined ? "" : readString(bytes, methodAt);
  const paramsAt = members.get("params");
  const resultAt = members.get("result");
  const errorAt = members.get("error");
  const kind = kindOf(id, method, resultAt !== undefined, errorAt !== undefined);
  if (kind === undefined) return "shape";
  if (paramsAt !== undefined && !isContainer(bytes[paramsAt.start])) return "shape";
  const params = paramsAt?.members;
  return { bytes, kind, id, idAt, method: method ?? "", paramsAt, params, resultAt, errorAt };
}

function kindOf(
  id: string,
  method: string | undefined,
  hasResult: boolean,
  hasError: boolean,
): Message["kind"] | undefined {
  if (method === undefined) return undefined;
  if (method !== "") {
    if (hasResult || hasError) return undefined;
    if (id === "") return "notification";
    return isId(id) ? "request" : undefined;
  }
  if (hasResult) return isId(id) && !hasError ? "result" : undefined;
  // A parse error is answered with the id null, or with none: nobody could read the id.
  if (hasError) return id === "" || id === "null" || isId(id) ? "error" : undefined;
  return undefined;
}

/** MCP allows strings and numbers as ids, and never null. */
function isId(id: string): boolean {
  return /^["\d-]/.test(id);
}

function isContainer(byte: number | undefined): boolean {
  return byte === 0x7b || byte === OPEN_ARRAY;
}

/** A raw line end cannot stand inside a JSON string, so between tokens it may become a space; then the message fits on a line. */
export function unwrapLines(bytes: Uint8Array): void {
  for (const lineEnd of [LINE_FEED, CARRIAGE_RETURN]) {
    for (let at = bytes.indexOf(lineEnd); at >= 0; at = bytes.indexOf(lineEnd, at + 1)) bytes[at] = SPACE;
  }
}

function readString(bytes: Uint8Array, { start, end }: Span): string | undefined {
  return bytes[start] === QUOTE ? decodeString(bytes, start, end) || undefined : undefined;
}

/** The JSON text of a span, as it is written. */
export function spanText(bytes: Uint8Array, span: Span | undefined): string | undefined {
  return span === undefined ? undefined : decode(bytes, span.start, span.end);
}

/**
 * Follows a path of keys below `from` (a span of `message.bytes`).
 *
 * @returns where the value lies; `undefined` when a step is missing, is no object, or holds a key twice
 */
export function findMember(message: Message, from: Span | undefined, ...path: string[]): Span | undefined {
  let span = from;
  for (const key of path) {
    if (span === undefined) return undefined;
    const isParams = span === message.paramsAt;
    const members = isParams ? message.params : readMembers(message.bytes, span.start, span.end);
    span = members?.get(key);
  }
  return span;
}

/** The string at a path below `params`; `undefined` when there is none. */
export function stringParam(message: Message, ...path: string[]): string | undefined {
  const at = findMember(message, message.paramsAt, ...path);
  return at !== undefined && message.bytes[at.start] === QUOTE
    ? decodeString(message.bytes, at.start, at.end)
    : undefined;
}

/** The JSON text at a path below `params`, as it is written; `undefined` when there is none. */
export function rawParam(message: Message, ...path: string[]): string | undefined {
  return spanText(message.bytes, findMember(message, message.paramsAt, ...path));
}
