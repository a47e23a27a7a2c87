// The checks of a request of revision 2026-07-28, before anything is done with it. The order is the specification's: the
// first check that fails is the answer.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#server-validation
import {
  canonical,
  parseSpan,
  readMeta,
  type ClientCapabilities,
  type Envelope,
} from "../../bridge/envelope.ts";
import { META } from "../../mcp/meta.ts";
import { isServedStateless, STATELESS_REVISIONS } from "../../mcp/revisions.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import { findMember, spanText, stringParam, type Message } from "../../frame/message.ts";
import { namingParam } from "../../mcp/methods.ts";
import { errorResponse } from "../error-response.ts";
import { readHeaderValue } from "./header-value.ts";

/** @returns the sender's envelope, or the refusal */
export function validateRequest(request: Request, message: Message): Envelope | Response {
  const meta = readMeta(message);
  const member = (key: string) => parseSpan(message, meta.get(key));
  const { headers } = request;
  const fail = (code: number, reason: string, data?: unknown) =>
    errorResponse({ status: 400, code, message: reason, data, id: message.id });
  const invalid = (reason: string) => fail(ErrorCode.invalidParams, `Invalid params: ${reason}`);
  const mismatch = (reason: string) => fail(ErrorCode.headerMismatch, `Header mismatch: ${reason}`);

  if (spanText(message.bytes, findMember(message, message.paramsAt, "_meta"))?.[0] !== "{") {
    return invalid("_meta is missing.");
  }
  const version = member(META.version);
  if (typeof version !== "string") return invalid(`_meta["${META.version}"] must be a string.`);
  const named = headers.get("mcp-protocol-version")?.trim();
  if (named !== undefined && named !== version) {
    return mismatch(`MCP-Protocol-Version is "${named}", the body says "${version}".`);
  }
  const capabilities = member(META.capabilities);
  if (!isObject(capabilities)) return invalid(`_meta["${META.capabilities}"] must be an object.`);
  if (!isServedStateless(version)) {
    return fail(ErrorCode.unsupportedVersion, "Unsupported protocol version.", {
      supported: STATELESS_REVISIONS,
      requested: version,
    });
  }
  if (named === undefined) return mismatch("MCP-Protocol-Version is missing.");
  const wrong = checkNames(headers, message);
  if (wrong !== undefined) return mismatch(wrong);
  const logLevel = member(META.logLevel);
  return {
    version,
    clientInfo: spanText(message.bytes, meta.get(META.clientInfo)),
    capabilities,
    capabilitiesKey: canonical(capabilities),
    logLevel: typeof logLevel === "string" ? logLevel : undefined,
  };
}

function isObject(value: unknown): value is ClientCapabilities {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @returns what is wrong with `Mcp-Method` or `Mcp-Name` */
function checkNames(headers: Headers, message: Message): string | undefined {
  const { method } = message;
  const namedMethod = headers.get("mcp-method")?.trim();
  if (namedMethod === undefined) return "Mcp-Method is missing.";
  if (namedMethod !== method) return `Mcp-Method is "${namedMethod}", the body says "${method}".`;
  const naming = namingParam(method);
  if (naming === undefined) return undefined;
  const name = stringParam(message, naming);
  // The server answers a request that lacks its own name.
  if (name === undefined) return undefined;
  const raw = headers.get("mcp-name");
  if (raw === null) return "Mcp-Name is missing.";
  const named = readHeaderValue(raw);
  return named === name ? undefined : `Mcp-Name is "${raw}", the body says "${name}".`;
}
