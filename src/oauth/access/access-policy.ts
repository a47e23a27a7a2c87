// Decides which requests and tools a caller may use, and how a refusal looks
// (MCP authorization, "Runtime Insufficient Scope Errors"). The refusal of a tool call is HTTP 401 or 403 with a
// challenge, which is what Claude and the SDKs act on; its body is the tool result that makes ChatGPT offer to sign in.
import type { Log } from "../../log.ts";
import type { Challenger } from "./challenge.ts";
import { formatFailure, type Failure, toWire } from "../failure.ts";
import { isTooLong, MAX_NAME_BYTES } from "./name-pattern.ts";
import type { Principal } from "./principal.ts";
import { DEFAULT_SCOPE } from "./scopes.ts";
import type { AnnotatedTool, ToolScopes } from "./tool-scopes.ts";
import { printable } from "../../printable.ts";

/** The parts of a request that the policy depends on. */
export interface AccessRequest {
  /** As JSON text. */
  id: string;
  method: string;
  /** The tool that `tools/call` names, with what the server's list says of it. */
  tool?: AnnotatedTool | undefined;
}

/** What is added to a tool in the `tools/list` result of a caller who may see it. */
export interface ToolView {
  /** Tells ChatGPT which sign-in a call needs. */
  securitySchemes?: readonly object[];
}

export interface AccessPolicy {
  /** Whether a tool's annotations matter, so that they have to be known before it is called. */
  readonly looksAtHints: boolean;
  /**
   * The answer to a request that its caller may not make; undefined when it may.
   *
   * @param caller absent for a caller without a token
   * @param resourcePath such as `/mcp`
   */
  refuse(caller: Principal | undefined, call: AccessRequest, resourcePath: string): Response | undefined;
  /** How a tool of a `tools/list` result is shown; undefined when its caller may not see it. */
  view(caller: Principal | undefined, tool: AnnotatedTool): ToolView | undefined;
}

export interface AccessPolicyOptions {
  toolScopes: ToolScopes;
  /** Whether a caller without a token may list tools, prompts and resources. */
  allowAnonymousDiscovery: boolean;
  challenger: Challenger;
  log: Log;
}

/**
 * Methods that list and change nothing, and the handshake before them: clients end a connection over a refused
 * notification. A cancellation reaches only requests of the same session. Other notifications can change what
 * the server does (its roots, for one).
 */
const DISCOVERY: ReadonlySet<string> = new Set([
  "initialize",
  "notifications/initialized",
  "notifications/cancelled",
  "ping",
  "server/discover",
  "tools/list",
  "prompts/list",
  "resources/list",
  "resources/templates/list",
]);

export function createAccessPolicy(options: AccessPolicyOptions): AccessPolicy {
  const { toolScopes, allowAnonymousDiscovery, challenger, log } = options;

  function findFailure(caller: Principal | undefined, { method, tool }: AccessRequest): Failure | undefined {
    if (caller === undefined) return DISCOVERY.has(method) ? undefined : { kind: "no-token" };
    if (tool === undefined) return DISCOVERY.has(method) ? undefined : findScopeFailure(caller);
    if (toolScopes.mayCall(caller.scopes, tool)) return undefined;
    return { kind: "needs-scope", scopes: toolScopes.neededFor(tool), held: caller.scopes };
  }

  /** The challenge inside the body needs an error even where the one in the header must have none (RFC 6750 §3.1). */
  function answerCall(failure: Failure, id: string, tool: AnnotatedTool, resourcePath: string): Response {
    const needs: Failure = { kind: "needs-scope", scopes: toolScopes.neededFor(tool), held: [] };
    const { status, description } = toWire(failure);
    const result = JSON.stringify({
      content: [{ type: "text", text: description }],
      isError: true,
      _meta: { "mcp/www_authenticate": [challenger.describe(needs, resourcePath)] },
    });
    return new Response(`{"jsonrpc":"2.0","id":${id},"result":${result}}`, {
      status,
      headers: {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "WWW-Authenticate": challenger.describe(failure, resourcePath),
      },
    });
  }

  return {
    looksAtHints: toolScopes.looksAtHints,
    refuse(caller, call, resourcePath) {
      if (call.tool && isTooLong(call.tool.name)) return answerTooLong(call.id);
      const failure = findFailure(caller, call);
      if (failure === undefined) return undefined;
      const { id, method, tool } = call;
      log.debug(`${printable(`${method} ${tool?.name ?? ""}`)} refused: ${formatFailure(failure)}`);
      return tool === undefined
        ? challenger.answer(failure, resourcePath)
        : answerCall(failure, id, tool, resourcePath);
    },
    view(caller, tool) {
      if (isTooLong(tool.name)) return undefined;
      if (caller !== undefined && !toolScopes.mayCall(caller.scopes, tool)) return undefined;
      return allowAnonymousDiscovery
        ? { securitySchemes: [{ type: "oauth2", scopes: toolScopes.neededFor(tool) }] }
        : {};
    },
  };
}

/** The default scope opens everything that the configured table does not mention. */
function findScopeFailure({ scopes }: Principal): Failure | undefined {
  if (scopes.includes(DEFAULT_SCOPE)) return undefined;
  return { kind: "needs-scope", scopes: [DEFAULT_SCOPE], held: scopes };
}

/** No other scope would help, so there is no challenge (JSON-RPC 2.0 §5.1: invalid params). */
function answerTooLong(id: string): Response {
  const message = `Invalid params: name has more than ${MAX_NAME_BYTES} bytes.`;
  return new Response(
    `{"jsonrpc":"2.0","id":${id},"error":{"code":-32602,"message":${JSON.stringify(message)}}}`,
    {
      status: 400,
      headers: { "Content-Type": "application/json", "Cache-Control": "no-store" },
    },
  );
}
