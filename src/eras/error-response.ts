// HTTP answers that carry a JSON-RPC error instead of a result.
import { composeError } from "../frame/compose.ts";
import { ErrorCode } from "../mcp/error-code.ts";

/** @param id the request's id as JSON text, where it is known */
export function refuse(status: number, code: number, message: string, data?: unknown, id = "null"): Response {
  return new Response(composeError(id, code, message, data), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });
}

/** The client has to begin a new session: 404 is what the specification names, and what makes clients do it. */
export function refuseSession(): Response {
  return refuse(404, ErrorCode.sessionNotFound, "Session not found. Send initialize to begin a new one.");
}

export function refuseMethod(allow: string): Response {
  const response = refuse(405, ErrorCode.refused, `Method not allowed here. Allowed: ${allow}.`);
  response.headers.set("allow", allow);
  return response;
}

/** The tunnel holds answers to GET back until they end, so a stream there would never arrive. */
export function refuseStream(allow: string): Response {
  const text =
    "This tunnel cannot carry an event stream in answer to GET. Send POST to the MCP endpoint instead.";
  const response = refuse(405, ErrorCode.refused, text);
  response.headers.set("allow", allow);
  return response;
}

/** All server processes allowed are busy. */
export function refuseBusy(): Response {
  return refuseForNow("All server processes are busy.");
}

/** @param what there is too much of */
export function refuseCrowd(what: string): Response {
  return refuseForNow(`Too many ${what}.`);
}

function refuseForNow(why: string): Response {
  const response = refuse(503, ErrorCode.refused, `${why} Try again in a moment.`);
  response.headers.set("retry-after", "5");
  return response;
}

/**
 * The stream of a POST is over, or not known any more. Clients take 405 for "there is no such stream" and stay quiet;
 * after anything else, a stream that ends at once included, they come again and again. 404 would end their session.
 */
export function refuseResume(): Response {
  return refuseQuietly("There is nothing to resume: that stream has ended, or is not known any more.");
}

/** To end one of them would bring its client back at once, for ever. */
export function refuseStreams(): Response {
  return refuseQuietly("This session has as many streams open as it may have: close one first.");
}

function refuseQuietly(text: string): Response {
  const response = refuse(405, ErrorCode.refused, text);
  response.headers.set("allow", "POST, DELETE");
  return response;
}
