// The messages in a POST, or the answer that says why there are none.
import { ErrorCode } from "../mcp/error-code.ts";
import { readMessages, stringParam, type Message } from "../frame/message.ts";
import { isRequestMethod, namingParam } from "../mcp/methods.ts";
import { type BodyLimits, readBody as readBytes } from "../request-body.ts";
import type { Trace } from "./caller.ts";
import { refuse } from "./error-response.ts";

export interface Body {
  batch: boolean;
  messages: readonly Message[];
}

/**
 * @param limits how much is read, and for how long
 * @param report told why a body is refused that is JSON
 */
export async function readBody(
  request: Request,
  limits: BodyLimits,
  trace: Trace,
  report: (why: string) => void,
): Promise<Body | Response> {
  const type = request.headers.get("content-type");
  if (type !== null && !/^application\/(?:[\w.-]+\+)?json\b/i.test(type)) {
    return refuse(415, ErrorCode.refused, `Content-Type must be application/json, not "${type}".`);
  }
  const bytes = await readBytes(request, limits);
  if (bytes === "too-large" || bytes === "too-slow") return refuseBody(bytes, limits);
  const reading = readMessages(bytes === "broken" ? NOTHING : bytes);
  if ("fault" in reading) {
    if (reading.fault === "parse")
      return refuse(400, ErrorCode.parse, "Parse error: the body is not valid JSON.");
    const why = reading.fault === "ambiguous" ? reading.doubt : "the body is not a JSON-RPC 2.0 message";
    return refuseMessage(why, report);
  }
  note(reading, trace);
  const wrong = findWrongKind(reading.messages);
  return wrong === undefined ? reading : refuseMessage(wrong, report);
}

function refuseMessage(why: string, report: (why: string) => void): Response {
  report(why);
  return refuse(400, ErrorCode.invalidRequest, `Invalid request: ${why}.`);
}

/** Their params name calls by ids and tokens that are ours on the server's side. As a request nobody would translate them. */
const NAMING_CALLS: ReadonlySet<string> = new Set(["notifications/cancelled", "notifications/progress"]);

/**
 * What is a request to a server that only looks at the method must be one to us, and the other way round.
 *
 * @returns what is wrong
 */
function findWrongKind(messages: readonly Message[]): string | undefined {
  for (const { kind, method, params } of messages) {
    if (kind === "request" && NAMING_CALLS.has(method)) return `${method} is a notification and has no id`;
    if (kind !== "notification") continue;
    if (isRequestMethod(method)) return `${method} is a request and has an id`;
    if (params?.get("_meta")?.members?.has("progressToken")) return "a notification has no progress";
  }
  return undefined;
}

const NOTHING = new Uint8Array();

function refuseBody(flaw: "too-large" | "too-slow", { most }: BodyLimits): Response {
  if (flaw === "too-large") {
    const hint = "Whoever runs the server can allow more with --max-body.";
    return refuse(413, ErrorCode.refused, `The body is over the limit of ${most} bytes. ${hint}`);
  }
  const response = refuse(408, ErrorCode.refused, "The body took too long to arrive.");
  // The rest of it is not waited for (RFC 9110 §15.5.9).
  response.headers.set("connection", "close");
  return response;
}

function note({ batch, messages }: Body, trace: Trace): void {
  const [first] = messages;
  if (batch) trace.rpc = `batch of ${messages.length}`;
  if (batch || first === undefined) return;
  trace.rpc = first.method.slice(0, 120) || "answer";
  const naming = namingParam(first.method);
  const name = naming && stringParam(first, naming);
  if (name !== undefined) trace.name = name.slice(0, 120);
}
