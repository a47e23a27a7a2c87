// The few messages that the bridge itself says.

/** Codes of JSON-RPC 2.0 and of MCP's transports. */
export const ErrorCode = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  /** HTTP refusals that carry no better code; used by the MCP SDKs in the same places. */
  refused: -32000,
  sessionNotFound: -32001,
  /** 2025-11-25 and older: there is no such resource. */
  resourceNotFound: -32002,
  /** 2025-11-25: a person has to open a URL first. */
  urlElicitationRequired: -32042,
  /** 2026-07-28: headers and body do not say the same. */
  headerMismatch: -32020,
  /** 2026-07-28: the client has to be able to do something that it has not declared. */
  missingCapability: -32021,
  /** 2026-07-28: the revision asked for is not served. */
  unsupportedVersion: -32022,
} as const;

/**
 * An error answer.
 *
 * @param id the id as JSON text, such as `7` or `"a"`; `null` when the request's id could not be read
 */
export function composeError(id: string, code: number, message: string, data?: unknown): Uint8Array {
  const error = JSON.stringify(data === undefined ? { code, message } : { code, message, data });
  return Buffer.from(`{"jsonrpc":"2.0","id":${id || "null"},"error":${error}}`);
}

/**
 * A result.
 *
 * @param id the request's id as JSON text
 */
export function composeResult(id: string, result: unknown): Uint8Array {
  return Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":${JSON.stringify(result)}}`);
}

/** A request with an id of ours. */
export function composeRequest(id: number, method: string, params?: unknown): Uint8Array {
  return Buffer.from(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
}

export function composeNotification(method: string, params?: unknown): Uint8Array {
  return Buffer.from(JSON.stringify({ jsonrpc: "2.0", method, params }));
}
