// Which dialect a POST to the endpoint speaks. The body decides before any header does: real clients
// send version headers that their messages do not keep to.
import { ErrorCode } from "../frame/compose.ts";
import { findMember, stringParam } from "../frame/message.ts";
import type { Body } from "./body.ts";
import { isRevision, REVISIONS } from "./era.ts";
import { refuse } from "./refusal.ts";

/** Since 2026-07-28 every request carries the version it is written in. */
const ENVELOPE_VERSION = "io.modelcontextprotocol/protocolVersion";

/**
 * @returns `undefined` for a request of a revision with sessions; otherwise the refusal.
 *   The code tells a client that knows several revisions to begin again with `initialize`
 */
export function refuseOtherEras(request: Request, { batch, messages }: Body): Response | undefined {
  const enveloped = messages.find((message) =>
    findMember(message, message.paramsAt, "_meta", ENVELOPE_VERSION),
  );
  if (enveloped !== undefined) {
    if (batch)
      return refuse(400, ErrorCode.invalidRequest, "Requests of this revision cannot be sent in a batch.");
    const requested = stringParam(enveloped, "_meta", ENVELOPE_VERSION);
    return refuse(
      400,
      ErrorCode.unsupportedVersion,
      "Unsupported protocol version.",
      { supported: REVISIONS, requested },
      enveloped.id || "null",
    );
  }
  const version = request.headers.get("mcp-protocol-version");
  if (version !== null && !isRevision(version)) {
    return refuse(
      400,
      ErrorCode.refused,
      `Bad request: unknown MCP-Protocol-Version "${version.slice(0, 40)}".`,
    );
  }
  return undefined;
}
