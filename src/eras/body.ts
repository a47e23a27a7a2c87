// The messages in a POST, or the answer that says why there are none.
import { ErrorCode } from "../frame/compose.ts";
import { readMessages, stringParam, type Message } from "../frame/message.ts";
import { isRequestMethod } from "../frame/names.ts";
import type { Trace } from "./era.ts";
import { refuse } from "./refusal.ts";

export interface Body {
  batch: boolean;
  messages: readonly Message[];
}

/**
 * @param maxBody the most bytes that are read
 * @param report told why a body is refused that is JSON
 */
export async function readBody(
  request: Request,
  maxBody: number,
  trace: Trace,
  report: (why: string) => void,
): Promise<Body | Response> {
  const type = request.headers.get("content-type");
  if (type !== null && !/^application\/(?:[\w.-]+\+)?json\b/i.test(type)) {
    return refuse(415, ErrorCode.refused, `Content-Type must be application/json, not "${type}".`);
  }
  // A client that goes while it speaks, or that breaks HTTP's rules for bodies, is no fault of ours.
  const bytes = await readBytes(request, maxBody).catch(() => NOTHING);
  if (bytes === undefined) {
    const hint = "Whoever runs the server can allow more with --max-body.";
    return refuse(413, ErrorCode.refused, `The body is over the limit of ${maxBody} bytes. ${hint}`);
  }
  const reading = readMessages(bytes);
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

function readBytes(request: Request, maxBody: number): Promise<Uint8Array | undefined> {
  const announced = request.headers.get("content-length");
  if (announced === null) return readChunks(request, maxBody);
  return Number(announced) > maxBody ? Promise.resolve(undefined) : request.bytes();
}

async function readChunks(request: Request, maxBody: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.length;
    if (length > maxBody) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Which parameter names what a method is about. */
const NAMING: Record<string, string> = {
  "tools/call": "name",
  "prompts/get": "name",
  "resources/read": "uri",
};

function note({ batch, messages }: Body, trace: Trace): void {
  const [first] = messages;
  if (batch) trace.rpc = `batch of ${messages.length}`;
  if (batch || first === undefined) return;
  trace.rpc = first.method.slice(0, 120) || "answer";
  const naming = NAMING[first.method];
  const name = naming && stringParam(first, naming);
  if (name !== undefined) trace.name = name.slice(0, 120);
}
