// Which dialect a POST to the endpoint speaks. The body decides before any header does: real clients
// send version headers that their messages do not keep to.
import { hasEnvelope } from "../bridge/envelope.ts";
import { ErrorCode } from "../mcp/error-code.ts";
import type { Body } from "./post-body.ts";
import { isRevision, isStateless } from "../mcp/revisions.ts";
import { refuse } from "./error-response.ts";

export type Dialect = "sessions" | "stateless";

/** @returns the dialect, or the refusal of what belongs to none */
export function classify(request: Request, { batch, messages }: Body): Dialect | Response {
  const isEnveloped = messages.some(hasEnvelope);
  if (batch && isEnveloped) {
    return refuse(400, ErrorCode.invalidRequest, "Requests of this revision cannot be sent in a batch.");
  }
  if (isEnveloped) return "stateless";
  const version = request.headers.get("mcp-protocol-version")?.trim();
  if (version !== undefined && !isRevision(version)) {
    return refuse(
      400,
      ErrorCode.refused,
      `Bad request: unknown MCP-Protocol-Version "${version.slice(0, 40)}".`,
    );
  }
  const opensSession = messages.some(({ method }) => method === "initialize");
  const hasSession = request.headers.has("mcp-session-id");
  return version !== undefined && isStateless(version) && !hasSession && !opensSession
    ? "stateless"
    : "sessions";
}
