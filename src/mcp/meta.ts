// Members of `_meta` that MCP names.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/index#meta

const PREFIX = "io.modelcontextprotocol/";

export const META = {
  version: `${PREFIX}protocolVersion`,
  clientInfo: `${PREFIX}clientInfo`,
  capabilities: `${PREFIX}clientCapabilities`,
  logLevel: `${PREFIX}logLevel`,
  serverInfo: `${PREFIX}serverInfo`,
  subscription: `${PREFIX}subscriptionId`,
} as const;
