// What a caller may send can depend on what the server says of its tools, and the process of a session may be replaced
// while that is asked: what was judged by one process must not be read by another.
import type { LastingConversation, ToolEdition } from "../bridge/bridge.ts";
import { serversBusy, tryAgainLater } from "./error-response.ts";
import type { Post } from "./post.ts";
import type { ToolAccess } from "./tool-access.ts";

/** Processes that a message is judged by, one after the other. */
const MOST_JUDGES = 5;

/**
 * Has a process serve the session, and judges the messages by it. They must be passed on in the turn in which this is over.
 *
 * @returns the refusal of the messages; `undefined` when they may be passed on
 */
export async function judgeByProcess(
  post: Pick<Post, "messages" | "caller" | "request">,
  conversation: LastingConversation,
  toolAccess: ToolAccess,
): Promise<Response | undefined> {
  const { messages, caller } = post;
  for (let judges = 0; judges < MOST_JUDGES; judges++) {
    if (!conversation.isAttached && !(await attach(conversation, post))) return serversBusy();
    if (caller.policy === undefined) return undefined;
    const { isAttached, tools } = conversation;
    const { edition } = tools;
    const refusal = await toolAccess.refuse(messages, caller, tools);
    if (refusal !== undefined) return refusal;
    // Without a process only that is allowed which every process may be sent.
    if (!isAttached || isSame(conversation, tools, edition)) return undefined;
  }
  return tryAgainLater("The server is being replaced.");
}

/** @returns false when every process is busy */
function attach(
  conversation: LastingConversation,
  { messages, request: { signal } }: Pick<Post, "messages" | "request">,
): Promise<boolean> {
  const bytes = messages.reduce((sum, message) => sum + message.bytes.length, 0);
  return conversation.attach(bytes, signal);
}

function isSame(
  conversation: LastingConversation,
  tools: LastingConversation["tools"],
  edition: ToolEdition,
): boolean {
  return conversation.isAttached && conversation.tools === tools && tools.edition === edition;
}
