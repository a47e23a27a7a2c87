// One JSON-RPC 2.0 message as the bytes it came in, with the few places in it that a bridge must know.
// https://www.jsonrpc.org/specification; the limits on ids are MCP's (basic, "Requests").
// Nothing here re-serializes: what is not replaced reaches the other side byte for byte.
import { isUtf8 } from "node:buffer";
import { CLIENT_MESSAGE, doubtMethod, isMethod, type MessageVocabulary } from "./names.ts";
import { readElements, readMembers, readObject, skipSpace, type Member, type Span } from "./scan.ts";
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
  readonly paramsAt: Member | undefined;
  /** What `params` holds; `undefined` when it is no object. */
  readonly params: ReadonlyMap<string, Member> | undefined;
  readonly resultAt: Member | undefined;
  readonly errorAt: Span | undefined;
}

/** A message to some readers and another one to others. */
export interface Ambiguity {
  readonly fault: "ambiguous";
  readonly doubt: string;
  /** The ids of the answers that are lost with it, as they are written. */
  readonly answered: readonly string[];
  /** The ids of the requests that are lost with it. */
  readonly asked: readonly string[];
}

/** Why bytes are no message. */
export type Fault =
  /** No JSON; JSON, but no JSON-RPC 2.0. */
  { readonly fault: "parse" | "shape" } | Ambiguity;

/** A body or a line: one message, several, or none. */
export type ReadResult =
  | { readonly batch: false; readonly messages: readonly [Message] }
  | { readonly batch: true; readonly messages: readonly Message[] }
  | Fault;

/** Messages in one body or line. */
const MAX_BATCH = 100;
const QUOTE = 0x22;
const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/**
 * Reads a whole body or line. Takes ownership of `bytes`: line ends between tokens become spaces in place.
 *
 * @param known the names from which something is decided
 */
export function readMessages(bytes: Uint8Array, known: MessageVocabulary = CLIENT_MESSAGE): ReadResult {
  if (!isUtf8(bytes)) return { fault: "parse" };
  unwrapLines(bytes);
  if (bytes[skipSpace(bytes, 0, bytes.length)] !== OPEN_ARRAY) {
    const message = readMessage(bytes, known);
    return "fault" in message ? message : { batch: false, messages: [message] };
  }
  const elements = readElements(bytes);
  if (elements === undefined) return { fault: "parse" };
  if (elements.length > MAX_BATCH) return { fault: "shape" };
  return readBatch(elements.map(({ start, end }) => readMessage(bytes.subarray(start, end), known)));
}

function readBatch(all: readonly (Message | Fault)[]): ReadResult {
  const messages = all.filter((one): one is Message => !("fault" in one));
  if (messages.length === all.length && all.length > 0) return { batch: true, messages };
  const ambiguous = all.flatMap((one) => ("fault" in one && one.fault === "ambiguous" ? [one] : []));
  const [first] = ambiguous;
  if (first === undefined) return { fault: "shape" };
  const lost = [...messages.map(({ kind, id }) => idsLost(kind, id)), ...ambiguous];
  return {
    ...first,
    answered: lost.flatMap(({ answered }) => answered),
    asked: lost.flatMap(({ asked }) => asked),
  };
}

function idsLost(kind: Message["kind"], id: string): Pick<Ambiguity, "answered" | "asked"> {
  return {
    answered: kind === "result" || kind === "error" ? [id] : [],
    asked: kind === "request" ? [id] : [],
  };
}

function readMessage(bytes: Uint8Array, known: MessageVocabulary): Message | Fault {
  const object = readObject(bytes, 0, bytes.length, known);
  if (object === undefined) return { fault: "parse" };
  const message = interpret(bytes, object.members);
  if (message === undefined) return { fault: "shape" };
  const { method } = message;
  const wrongMethod = method === "" ? undefined : doubtMethod(method);
  const doubt = object.doubt ?? doubtParams(message) ?? wrongMethod;
  if (doubt === undefined) return message;
  const lost = idsLost(message.kind, message.id);
  if (method === "" || wrongMethod !== undefined || isMethod(method))
    return { fault: "ambiguous", doubt, ...lost };
  // Params of methods that MCP does not know have names of their own, or none.
  const again = readObject(bytes, 0, bytes.length, known.foreign)!;
  const foreign = interpret(bytes, again.members)!;
  const remaining = again.doubt ?? doubtMeta(foreign);
  return remaining === undefined ? foreign : { fault: "ambiguous", doubt: remaining, ...lost };
}

/** @returns `undefined` when it is no JSON-RPC 2.0 */
function interpret(bytes: Uint8Array, members: ReadonlyMap<string, Member>): Message | undefined {
  const text = (name: string) => spanText(bytes, members.get(name));
  if (text("jsonrpc") !== '"2.0"') return undefined;
  const idAt = members.get("id");
  const id = text("id") ?? "";
  const methodAt = members.get("method");
  const method = methodAt === undefined ? "" : readString(bytes, methodAt);
  const paramsAt = members.get("params");
  const resultAt = members.get("result");
  const errorAt = members.get("error");
  const kind = kindOf(id, method, resultAt !== undefined, errorAt !== undefined);
  if (kind === undefined || method === undefined) return undefined;
  if (paramsAt !== undefined && !isContainer(bytes[paramsAt.start])) return undefined;
  return { bytes, kind, id, idAt, method, paramsAt, params: paramsAt?.members, resultAt, errorAt };
}

function doubtParams(message: Message): string | undefined {
  return hasPositions(message) ? "params stand by position, and have names in MCP" : doubtMeta(message);
}

/** MCP has no params by position. Some languages write an object without members as an array without elements. */
export function hasPositions({ bytes, paramsAt, params }: Message): boolean {
  return paramsAt !== undefined && params === undefined && !isEmptyArray(bytes, paramsAt);
}

function doubtMeta({ bytes, params }: Message): string | undefined {
  const meta = params?.get("_meta");
  const isObject = meta === undefined || bytes[meta.start] === OPEN_OBJECT;
  return isObject || isEmptyArray(bytes, meta) || spanText(bytes, meta) === "null"
    ? undefined
    : "_meta is not an object";
}

function isEmptyArray(bytes: Uint8Array, { start, end }: Span): boolean {
  return bytes[start] === OPEN_ARRAY && skipSpace(bytes, start + 1, end) === end - 1;
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
  return byte === OPEN_OBJECT || byte === OPEN_ARRAY;
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
export function findMember(
  { bytes }: Message,
  from: Pick<Member, keyof Span | "members"> | undefined,
  ...path: string[]
): Member | undefined {
  let member = from;
  for (const key of path) {
    if (member === undefined) return undefined;
    member = (member.members ?? readMembers(bytes, member.start, member.end))?.get(key);
  }
  return member as Member | undefined;
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

/** The code of an error, NaN where it has none; undefined of a result. */
export function errorCode({ kind, bytes, errorAt }: Message): number | undefined {
  return kind === "error" ? codeAt(bytes, errorAt) : undefined;
}

/** The same of an error that has not been read. */
export function readErrorCode(error: Uint8Array): number {
  return codeAt(error, readMembers(error)?.get("error"));
}

function codeAt(bytes: Uint8Array, errorAt: Span | undefined): number {
  const code = errorAt && readMembers(bytes, errorAt.start, errorAt.end)?.get("code");
  return Number(spanText(bytes, code));
}
