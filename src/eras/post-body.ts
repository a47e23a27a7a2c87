// The messages in a POST, or the response that says why there are none.
import { readMessages, type Message } from "../frame/message.ts";
import { ErrorCode } from "../mcp/error-code.ts";
import { isRequestMethod } from "../mcp/methods.ts";
import { readBody, type BodyFlaw, type BodyLimits } from "../request-body.ts";
import { errorResponse, invalidRequest } from "./error-response.ts";

export interface PostBody {
  readonly batch: boolean;
  readonly messages: readonly Message[];
}

/**
 * @param limits how much is read, and for how long
 * @param report called with the reason when a body is refused that is JSON
 */
export async function readPostBody(
  request: Request,
  limits: BodyLimits,
  report: (why: string) => void,
): Promise<PostBody | Response> {
  const type = request.headers.get("content-type");
  if (type !== null && !/^application\/(?:[\w.-]+\+)?json\b/i.test(type)) {
    const message = `Content-Type must be application/json, not "${type}".`;
    return errorResponse({ status: 415, code: ErrorCode.refused, message });
  }
  const bytes = await readBody(request, limits);
  if (bytes === "too-large" || bytes === "too-slow") return bodyRefusal(bytes, limits);
  const reading = readMessages(bytes === "broken" ? NOTHING : bytes);
  if (!("fault" in reading)) return reading;
  if (reading.fault === "parse") {
    const message = "Parse error: the body is not valid JSON.";
    return errorResponse({ status: 400, code: ErrorCode.parse, message });
  }
  const why = reading.fault === "ambiguous" ? reading.doubt : "the body is not a JSON-RPC 2.0 message";
  report(why);
  return invalidRequest(`Invalid request: ${why}.`);
}

const NOTHING = new Uint8Array();

function bodyRefusal(flaw: Exclude<BodyFlaw, "broken">, { most }: BodyLimits): Response {
  if (flaw === "too-large") {
    const message = `The body is over the limit of ${most} bytes. The person who runs this server can allow more with --max-body.`;
    return errorResponse({ status: 413, code: ErrorCode.refused, message });
  }
  return errorResponse({
    status: 408,
    code: ErrorCode.refused,
    message: "The body took too long to arrive.",
    // The rest of it is not waited for (RFC 9110 §15.5.9).
    headers: { connection: "close" },
  });
}

/** Bytes of an `initialize`: it is in memory as long as its session is, and told to each of its processes. */
const LARGEST_INITIALIZE = 512 * 1024;

/**
 * Their params name calls by ids and tokens, which on the server's side are ours. Sent as requests they would go through
 * untranslated.
 */
const NAMING_CALLS: ReadonlySet<string> = new Set(["notifications/cancelled", "notifications/progress"]);

/**
 * What is wrong with messages that can be read. A request to a server that looks only at the method must be a request to us,
 * and the other way round.
 */
export function findFault(messages: readonly Message[]): string | undefined {
  for (const { kind, method, params, bytes } of messages) {
    if (method === "initialize" && bytes.length > LARGEST_INITIALIZE)
      return `${method} is over the limit of ${LARGEST_INITIALIZE} bytes`;
    if (kind === "request" && NAMING_CALLS.has(method)) return `${method} is a notification and has no id`;
    if (kind !== "notification") continue;
    if (isRequestMethod(method)) return `${method} is a request and has an id`;
    if (params?.get("_meta")?.members?.has("progressToken")) return "a notification has no progress";
  }
  return undefined;
}
