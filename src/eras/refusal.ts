// HTTP answers that carry a JSON-RPC error instead of a result.
import { composeError, ErrorCode } from "../frame/compose.ts";

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
  const response = refuse(503, ErrorCode.refused, "All server processes are busy. Try again in a moment.");
  response.headers.set("retry-after", "5");
  return response;
}
