// Codes of JSON-RPC 2.0 (§5.1) and of MCP's transports.

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
