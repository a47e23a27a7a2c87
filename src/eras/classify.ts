// Which dialect a POST to the endpoint is written in. The body decides before any header does: real clients send
// version headers that their messages do not keep to.
import { hasEnvelope } from "../bridge/envelope.ts";
import { isRevision, isStateless } from "../mcp/revisions.ts";
import { badRequest, invalidRequest } from "./error-response.ts";
import type { PostBody } from "./post-body.ts";

/** How messages travel over HTTP; each has a folder by its date. */
export type Dialect = "http-sse" | "sessions" | "stateless";

/** @returns the dialect, or the refusal of a body that belongs to none */
export function classify(
  request: Request,
  { batch, messages }: PostBody,
): Exclude<Dialect, "http-sse"> | Response {
  const isEnveloped = messages.some(hasEnvelope);
  if (batch && isEnveloped) return invalidRequest("Requests of this revision cannot be sent in a batch.");
  if (isEnveloped) return "stateless";
  const version = request.headers.get("mcp-protocol-version")?.trim();
  if (version !== undefined && !isRevision(version))
    return badRequest(`Bad request: unknown MCP-Protocol-Version "${version.slice(0, 40)}".`);
  const opensSession = messages.some(({ method }) => method === "initialize");
  const hasSession = request.headers.has("mcp-session-id");
  return version !== undefined && isStateless(version) && !hasSession && !opensSession
    ? "stateless"
    : "sessions";
}
