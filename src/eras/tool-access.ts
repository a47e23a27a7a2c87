// Checks messages against what their caller may do, and cuts lists of tools down to that. The decision is the policy's
// (`CallerPolicy`); this file only understands messages, so that no second way of writing a call slips by.
import type { Responder } from "../bridge/bridge.ts";
import { composeError } from "../frame/compose.ts";
import { ErrorCode } from "../mcp/error-code.ts";
import { findMember, rawParam, readMessages, spanText, stringParam, type Message } from "../frame/message.ts";
import {
  CLIENT_MESSAGE,
  isUnshowable,
  SERVER_MESSAGE,
  TOOL,
  type MessageVocabulary,
} from "../frame/names.ts";
import { readElements, readMembers, readObject } from "../frame/scan.ts";
import { insertMembers, splice } from "../frame/splice.ts";
import type { Caller, CallerPolicy, ListedTool } from "./caller.ts";
import { errorResponse } from "./error-response.ts";

/** Puts a request of ours to the server the client talks to. */
export type Ask = (request: Message, responder: Responder) => void;

export interface ToolAccess {
  /**
   * The answer to a POST that holds something its caller may not send; undefined when all of it may go on.
   *
   * @param ask without it, calls are passed over for which the server's list of tools has to be looked at
   */
  refuse(messages: readonly Message[], caller: Caller, ask?: Ask): Promise<Response | undefined>;
  /** Where the server's answer to a request goes, less what the caller may not see. */
  screen(request: Message, caller: Caller, responder: Responder): Responder;
}

type Hints = ReadonlyMap<string, ListedTool["annotations"]>;

/** How long a server's list of tools is taken for what it was. */
const KNOWN_FOR = 60_000;
const NO_HINTS: Hints = new Map();
const MAX_KNOWN = 100;
const MAX_PAGES = 100;

/** @param random makes ids that no client can be using */
export function createToolAccess(now: () => number, random: (bytes: number) => Uint8Array): ToolAccess {
  /** By principal: who shares one shares the server process. */
  const known = new Map<string, { at: number; hints: Promise<Hints | undefined> }>();
  async function findHints(name: string, call: Message, caller: Caller, ask: Ask) {
    const entry = known.get(caller.key);
    const hints = entry && entry.at + KNOWN_FOR > now() ? await entry.hints : undefined;
    return hints?.has(name) ? hints : learn(call, caller, ask);
  }

  function learn(call: Message, { key }: Caller, ask: Ask): Promise<Hints | undefined> {
    const hints = listTools(ask, call, () => `"${Buffer.from(random(16)).toString("hex")}"`);
    known.delete(key);
    known.set(key, { at: now(), hints });
    const [oldest] = known.keys();
    if (known.size > MAX_KNOWN && oldest !== undefined) known.delete(oldest);
    return hints;
  }

  async function refuseOne(message: Message, gate: CallerPolicy, caller: Caller, ask: Ask | undefined) {
    const { id, method } = message;
    if (method !== "tools/call") return gate.refuse({ id, method });
    const name = stringParam(message, "name");
    if (name === undefined || isUnshowable(name))
      return errorResponse({
        status: 400,
        code: ErrorCode.invalidParams,
        message: "Invalid params: name must be a string that can be shown.",
        id,
      });
    if (gate.looksAtHints && ask === undefined) return undefined;
    const hints = ask && gate.looksAtHints ? await findHints(name, message, caller, ask) : NO_HINTS;
    // Not knowing what a tool does is no reason to let it be called.
    if (hints === undefined)
      return errorResponse({
        status: 503,
        code: ErrorCode.internal,
        message: "The server's list of tools cannot be read.",
        id,
      });
    const annotations = hints.get(name);
    return gate.refuse({ id: id || "null", method, tool: { name, annotations } });
  }

  return {
    async refuse(messages, caller, ask) {
      const { policy } = caller;
      if (policy === undefined) return undefined;
      for (const message of messages) {
        const refusal = message.method === "" ? undefined : await refuseOne(message, policy, caller, ask);
        if (refusal !== undefined) return refusal;
      }
      return undefined;
    },
    screen(request, { policy }, responder) {
      if (policy === undefined || request.method !== "tools/list") return responder;
      const { id } = request;
      return {
        ...responder,
        respond: (answer, code) => responder.respond(screenTools(answer, id, policy), code),
      };
    },
  };
}

/**
 * What the server says of its tools, asked in the name of a call: without sessions a request needs its envelope.
 *
 * @returns undefined when it does not say
 */
async function listTools(ask: Ask, call: Message, newId: () => string): Promise<Hints | undefined> {
  const hints = new Map<string, ListedTool["annotations"]>();
  const meta = rawParam(call, "_meta");
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const members = [meta && `"_meta":${meta}`, cursor && `"cursor":${cursor}`].filter(Boolean).join(",");
    const text = `{"jsonrpc":"2.0","id":${newId()},"method":"tools/list","params":{${members}}}`;
    const answer = await askOnce(ask, text);
    if (answer?.resultAt === undefined) return undefined;
    const tools = readTools(answer);
    if (tools === undefined) return undefined;
    for (const { tool } of tools) hints.set(tool.name, tool.annotations);
    cursor = spanText(answer.bytes, findMember(answer, answer.resultAt, "nextCursor"));
    if (!cursor?.startsWith('"')) break;
  }
  return hints;
}

function askOnce(ask: Ask, text: string): Promise<Message | undefined> {
  const { promise, resolve } = Promise.withResolvers<Message | undefined>();
  const request = readOne(Buffer.from(text), CLIENT_MESSAGE);
  ask(request!, {
    notify: () => {},
    respond: (bytes) => resolve(readOne(bytes, SERVER_MESSAGE)),
    cancelled: () => resolve(undefined),
  });
  return promise;
}

/** Each tool that may be seen as the server wrote it, but for what the gate adds. */
function screenTools(bytes: Uint8Array, id: string, gate: CallerPolicy): Uint8Array {
  const answer = readOne(bytes, SERVER_MESSAGE);
  if (answer?.kind === "error") return bytes;
  const tools = answer && readTools(answer);
  if (tools === undefined)
    return composeError(id, ErrorCode.internal, "The server's list of tools cannot be read.");
  const shown = tools.flatMap(({ tool, text }) => {
    const view = gate.view(tool);
    return view === undefined ? [] : [view.securitySchemes ? addSchemes(text, view.securitySchemes) : text];
  });
  const at = findMember(answer!, answer!.resultAt, "tools")!;
  return splice(answer!.bytes, [{ at, text: `[${shown.join(",")}]` }]);
}

/** The tools in an answer, less those that are one tool to some readers and another one to others. */
function readTools(answer: Message): { tool: ListedTool; text: string }[] | undefined {
  const { bytes } = answer;
  const at = findMember(answer, answer.resultAt, "tools");
  const elements = at && readElements(bytes, at.start, at.end);
  return elements?.flatMap((element) => {
    const object = readObject(bytes, element.start, element.end, TOOL);
    if (object === undefined || object.doubt !== undefined) return [];
    const text = spanText(bytes, element)!;
    return [{ tool: JSON.parse(text) as ListedTool, text }];
  });
}

/** Some parts of ChatGPT read the copy in `_meta`. What the server says of itself stays. */
function addSchemes(text: string, schemes: readonly object[]): string {
  const bytes = Buffer.from(text);
  const members = readMembers(bytes);
  if (members === undefined || members.has("securitySchemes")) return text;
  const member = `"securitySchemes":${JSON.stringify(schemes)}`;
  const whole = { start: 0, end: bytes.length };
  const meta = members.get("_meta");
  const edits = meta
    ? [insertMembers(bytes, whole, member), insertMembers(bytes, meta, member)]
    : [insertMembers(bytes, whole, `${member},"_meta":{${member}}`)];
  return Buffer.from(splice(bytes, edits)).toString();
}

function readOne(bytes: Uint8Array, known: MessageVocabulary): Message | undefined {
  const reading = readMessages(bytes, known);
  return "fault" in reading || reading.batch ? undefined : reading.messages[0];
}
