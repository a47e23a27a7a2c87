// Which requests of a server a client has declared that it can answer.
// https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#capability-negotiation
import { composeError } from "../frame/compose.ts";
import { rawParam, stringParam, type Message } from "../frame/message.ts";
import { ErrorCode } from "../mcp/error-code.ts";
import type { ClientCapabilities } from "./envelope.ts";

/** The requests that a server may want input for before it answers, since revision 2026-07-28. */
export function canRequireInput({ method }: Message): boolean {
  return method === "tools/call" || method === "prompts/get" || method === "resources/read";
}

/** The answer to a server that asks a client for what it has not declared. @param id the request's, as JSON text */
export function composeUndeclared(id: string): Uint8Array {
  return composeError(id, ErrorCode.methodNotFound, "The client has not declared that it can answer this.");
}

/**
 * The capability that a request of the server's needs and the client has not declared, as `requiredCapabilities` has it.
 *
 * @returns `undefined` when the client can answer it
 */
export function findMissingCapability(
  request: Message,
  capabilities: ClientCapabilities,
): Record<string, unknown> | undefined {
  switch (request.method) {
    case "elicitation/create": {
      const mode = stringParam(request, "mode") === "url" ? "url" : "form";
      return canElicit(capabilities, mode) ? undefined : { elicitation: { [mode]: {} } };
    }
    case "sampling/createMessage": {
      const usesTools = rawParam(request, "tools") !== undefined;
      if (!declares(capabilities, "sampling")) return { sampling: usesTools ? { tools: {} } : {} };
      return usesTools && !declares(capabilities, "sampling", "tools")
        ? { sampling: { tools: {} } }
        : undefined;
    }
    case "roots/list":
      return declares(capabilities, "roots") ? undefined : { roots: {} };
    default:
      return undefined;
  }
}

function canElicit(capabilities: ClientCapabilities, mode: "form" | "url"): boolean {
  if (declares(capabilities, "elicitation", mode)) return true;
  // A client that says nothing of modes knows forms.
  return (
    mode === "form" && declares(capabilities, "elicitation") && !declares(capabilities, "elicitation", "url")
  );
}

function declares(capabilities: ClientCapabilities, ...path: string[]): boolean {
  let value: unknown = capabilities;
  for (const key of path) value = (value as Record<string, unknown> | undefined | null)?.[key];
  return value !== undefined && value !== null;
}
