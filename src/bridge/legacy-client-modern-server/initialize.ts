// Answers `initialize` in the stead of a server that has no handshake, from what it says in `server/discover`.
// https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#initialization
import { composeResult } from "../../frame/compose.ts";
import { findMember, rawParam, stringParam, type Message } from "../../frame/message.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import { META } from "../../mcp/meta.ts";
import { isSessionRevision, LEGACY } from "../../mcp/revisions.ts";
import { parseSpan, writeEnvelope } from "../envelope.ts";
import { respondTo, respondWithError, type SessionCall } from "../client-session.ts";
import type { EnvelopedMultiplexer, EnvelopedSession } from "./enveloped-session.ts";
import { modernCapabilities } from "./modern-capabilities.ts";

/** The result of `server/discover`, as far as it is understood here. */
interface DiscoverResult {
  capabilities?: Record<string, unknown>;
  instructions?: unknown;
  _meta?: Record<string, unknown>;
}

export async function answerInitialize(
  multiplexer: EnvelopedMultiplexer,
  request: Message,
  call: SessionCall<EnvelopedSession>,
): Promise<void> {
  const { session } = call;
  session.clientInfo = rawParam(request, "clientInfo");
  const declared = parseSpan(request, findMember(request, request.paramsAt, "capabilities"));
  session.capabilities = modernCapabilities(declared);
  const answer = await multiplexer.request((number) => composeDiscoverFor(number, session));
  if (answer?.resultAt === undefined) {
    return respondWithError(call, ErrorCode.internal, "The MCP server did not say what it can do.");
  }
  const discovered = parseSpan(answer, answer.resultAt) as DiscoverResult;
  const revision = stringParam(request, "protocolVersion") ?? "";
  respondTo(call, composeResult(call.id, toInitializeResult(discovered, revision)));
}

function composeDiscoverFor(number: number, session: EnvelopedSession): Uint8Array {
  const params = `{"_meta":{${writeEnvelope(session)}}}`;
  return Buffer.from(`{"jsonrpc":"2.0","id":${number},"method":"server/discover","params":${params}}`);
}

/** @param revision the one that the client asks for */
function toInitializeResult({ capabilities = {}, instructions, _meta }: DiscoverResult, revision: string) {
  // Neither has the same meaning in the older revisions.
  const { extensions: _, tasks: __, ...known } = capabilities;
  return {
    protocolVersion: isSessionRevision(revision) ? revision : LEGACY,
    capabilities: known,
    serverInfo: _meta?.[META.serverInfo] ?? { name: "unnamed", version: "0" },
    ...(instructions !== undefined && { instructions }),
  };
}
