// Compares what a client sends with what its caller may do, and cuts lists of tools down to it. The caller's policy decides;
// here is only how a message is understood, so that no second way of writing a call gets past.
import type { Responder, ToolCatalog } from "../bridge/bridge.ts";
import { composeError } from "../frame/compose.ts";
import { findMember, readMessages, stringParam, type Message } from "../frame/message.ts";
import { isUnshowable, SERVER_MESSAGE } from "../frame/names.ts";
import { readMembers } from "../frame/scan.ts";
import { insertMembers, splice } from "../frame/splice.ts";
import { readTools } from "../frame/tool-list.ts";
import { ErrorCode } from "../mcp/error-code.ts";
import type { Caller, CallerPolicy } from "./caller.ts";
import { errorResponse } from "./error-response.ts";

const UNREADABLE_LIST = "The server's list of tools cannot be read.";

export interface ToolAccess {
  /**
   * The answer to a POST that holds something its caller may not send; undefined when all of it may go on.
   *
   * @param tools of the process that the messages go to; without it, calls are passed over that depend on the server's list
   */
  refuse(messages: readonly Message[], caller: Caller, tools?: ToolCatalog): Promise<Response | undefined>;
  /** Where the server's answer to a request goes, less what the caller may not see. */
  screen(request: Message, caller: Caller, responder: Responder): Responder;
}

export function createToolAccess(): ToolAccess {
  return {
    async refuse(messages, { policy }, tools) {
      if (policy === undefined) return undefined;
      for (const message of messages) {
        const refusal = message.method === "" ? undefined : await refuseOne(message, policy, tools);
        if (refusal !== undefined) return refusal;
      }
      return undefined;
    },
    screen(request, { policy }, responder) {
      if (policy === undefined || request.method !== "tools/list") return responder;
      const { id } = request;
      return {
        ...responder,
        respond(answer, code) {
          const shown = screenTools(answer, policy);
          if (shown !== undefined) responder.respond(shown, code);
          else responder.respond(composeError(id, ErrorCode.internal, UNREADABLE_LIST), ErrorCode.internal);
        },
      };
    },
  };
}

async function refuseOne(
  message: Message,
  policy: CallerPolicy,
  tools: ToolCatalog | undefined,
): Promise<Response | undefined> {
  const { id, method } = message;
  if (method !== "tools/call") return policy.refuse({ id, method });
  const name = stringParam(message, "name");
  if (name === undefined || isUnshowable(name))
    return errorResponse({
      status: 400,
      code: ErrorCode.invalidParams,
      message: "Invalid params: name must be a string that can be shown.",
      id,
    });
  if (!policy.looksAtHints) return policy.refuse({ id: id || "null", method, tool: { name } });
  if (tools === undefined) return undefined;
  const tool = await tools.find(name);
  // A tool whose annotations cannot be known is not called.
  if (tool === undefined)
    return errorResponse({ status: 503, code: ErrorCode.internal, message: UNREADABLE_LIST, id });
  const { annotations } = tool;
  return policy.refuse({ id: id || "null", method, tool: { name, annotations } });
}

/**
 * Each tool that may be seen as the server wrote it, but for what the policy adds; `undefined` when that cannot be told.
 */
function screenTools(bytes: Uint8Array, policy: CallerPolicy): Uint8Array | undefined {
  const answer = readAnswer(bytes);
  if (answer?.kind === "error") return bytes;
  const tools = answer && readTools(answer);
  if (tools === undefined) return undefined;
  const shown = tools.flatMap(({ tool, text, isAmbiguous }) => {
    const view = isAmbiguous ? undefined : policy.view(tool);
    return view === undefined ? [] : [view.securitySchemes ? addSchemes(text, view.securitySchemes) : text];
  });
  const at = findMember(answer!, answer!.resultAt, "tools")!;
  return splice(answer!.bytes, [{ at, text: `[${shown.join(",")}]` }]);
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

function readAnswer(bytes: Uint8Array): Message | undefined {
  const reading = readMessages(bytes, SERVER_MESSAGE);
  return "fault" in reading || reading.batch ? undefined : reading.messages[0];
}
