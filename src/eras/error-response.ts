// HTTP answers that carry a JSON-RPC error instead of a result.
import { composeError } from "../frame/compose.ts";
import { ErrorCode } from "../mcp/error-code.ts";

export interface ErrorResponseOptions {
  /** The HTTP status. */
  status: number;
  /** The JSON-RPC code. */
  code: number;
  message: string;
  data?: unknown;
  /** The request's id as JSON text; left out where it is not known. */
  id?: string;
  headers?: Readonly<Record<string, string>>;
}

export function errorResponse(options: ErrorResponseOptions): Response {
  const { status, code, message, data, id = "null", headers } = options;
  return new Response(composeError(id, code, message, data), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
  });
}

export function badRequest(message: string): Response {
  return errorResponse({ status: 400, code: ErrorCode.refused, message });
}

/** @param id the request's id as JSON text, where it is known */
export function invalidRequest(message: string, id?: string): Response {
  return errorResponse({ status: 400, code: ErrorCode.invalidRequest, message, ...(id && { id }) });
}

/** The client has to begin a new session: 404 is what the specification names, and what makes clients do it. */
export function sessionNotFound(): Response {
  const message = "Session not found. Send initialize to begin a new one.";
  return errorResponse({ status: 404, code: ErrorCode.sessionNotFound, message });
}

export function methodNotAllowed(allow: string): Response {
  return notAllowed(`Method not allowed here. Allowed: ${allow}.`, allow);
}

/** The tunnel holds answers to GET back until they end, so a stream would never arrive. */
export function eventStreamUnavailable(allow: string): Response {
  const text =
    "This tunnel cannot carry an event stream in answer to GET. Send POST to the MCP endpoint instead.";
  return notAllowed(text, allow);
}

/**
 * The stream of a POST is over, or is not known any more. Clients take 405 for "there is no such stream" and stay
 * quiet; after anything else, even a stream that ends at once, they come again and again. 404 would end their session.
 */
export function nothingToResume(): Response {
  const text = "There is nothing to resume: that stream has ended, or is not known any more.";
  return notAllowed(text, "POST, DELETE");
}

/** To end one of them would bring its client back at once, for ever. */
export function tooManyStreams(): Response {
  return notAllowed("This session has as many streams open as it may have: close one first.", "POST, DELETE");
}

function notAllowed(message: string, allow: string): Response {
  return errorResponse({ status: 405, code: ErrorCode.refused, message, headers: { allow } });
}

/** All server processes allowed are busy. */
export function serversBusy(): Response {
  return tryAgainLater("All server processes are busy.");
}

/** @param what there is too much of */
export function tooMany(what: string): Response {
  return tryAgainLater(`Too many ${what}.`);
}

export function tooManySessions(): Response {
  return tooMany("sessions are at work");
}

/** The store cannot be asked for a session. */
export function notNow(): Response {
  return tryAgainLater("The session cannot be looked up.");
}

/** @param why a sentence */
export function tryAgainLater(why: string): Response {
  const message = `${why} Try again in a moment.`;
  return errorResponse({
    status: 503,
    code: ErrorCode.refused,
    message,
    headers: { "retry-after": "5" },
  });
}
