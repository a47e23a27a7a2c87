// The error −32042 of 2025-11-25: the server cannot go on before a person has opened a URL. Without sessions it becomes
// input that the call requires, and then the same call once more.
// https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation
import { composeResult } from "../../frame/compose.ts";
import { findMember, spanText, type Message } from "../../frame/message.ts";

interface UrlElicitation {
  url: string;
  message?: string;
}

/** The URLs a person has to open; `undefined` when the error names none. */
export function readUrls(error: Message): UrlElicitation[] | undefined {
  const text = spanText(error.bytes, findMember(error, error.errorAt, "data", "elicitations"));
  if (text === undefined) return undefined;
  const list = JSON.parse(text) as unknown;
  if (!Array.isArray(list)) return undefined;
  const urls = list.filter(
    (item): item is UrlElicitation => typeof (item as UrlElicitation | null)?.url === "string",
  );
  return urls.length > 0 ? urls : undefined;
}

/** The answer that requires the URLs to be opened. @param id the client's id of its request, as JSON text */
export function composeUrlInputRequired(
  id: string,
  urls: readonly UrlElicitation[],
  requestState: string,
): Uint8Array {
  return composeResult(id, {
    resultType: "input_required",
    inputRequests: toInputRequests(urls),
    requestState,
  });
}

/** The answer of a tool whose page was not opened. */
export function composeNotOpened(id: string): Uint8Array {
  const text = "The page that this needs was not opened.";
  return composeResult(id, { resultType: "complete", content: [{ type: "text", text }], isError: true });
}

function toInputRequests(urls: readonly UrlElicitation[]): Record<string, unknown> {
  const requests = urls.map(({ url, message }, index) => {
    const params = { mode: "url", url, message: message ?? "Please open this page to go on." };
    return [`elicitation-${index + 1}`, { method: "elicitation/create", params }] as const;
  });
  return Object.fromEntries(requests);
}

/** Whether everything was accepted in a retry. */
export function isAccepted(retry: Message): boolean {
  const text = spanText(retry.bytes, findMember(retry, retry.paramsAt, "inputResponses"));
  const responses = Object.values(
    (text === undefined ? {} : JSON.parse(text)) as Record<string, { action?: string } | null>,
  );
  return responses.length > 0 && responses.every((response) => response?.action === "accept");
}
