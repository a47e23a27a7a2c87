// The messages the bench sends, in the two ways of MCP: with a session, and standing alone (2026-07-28).

const ACCEPT = { accept: "application/json, text/event-stream", "content-type": "application/json" };

/** Headers of calls in a session, once it is open. */
export function sessionHeaders(sessionId: string | null): Record<string, string> {
  return {
    ...ACCEPT,
    "mcp-protocol-version": "2025-11-25",
    ...(sessionId !== null && { "mcp-session-id": sessionId }),
  };
}

/** Headers of calls without a session. */
export const STATELESS_HEADERS: Record<string, string> = {
  ...ACCEPT,
  "mcp-protocol-version": "2026-07-28",
  "mcp-method": "tools/call",
  "mcp-name": "echo",
};

export function sessionCall(id: number, text: string): string {
  const params = { name: "echo", arguments: { text } };
  return JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params });
}

export function statelessCall(id: number, text: string): string {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "bench", version: "1.0.0" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const params = { name: "echo", arguments: { text }, _meta };
  return JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params });
}

/** @returns headers of the session, or `undefined` when it could not be opened yet */
export async function openSession(
  url: string,
  headers: Record<string, string>,
): Promise<Record<string, string> | undefined> {
  const clientInfo = { name: "bench", version: "1.0.0" };
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
  const post = (message: unknown, more: Record<string, string>) =>
    fetch(url, { method: "POST", headers: { ...headers, ...more }, body: JSON.stringify(message) });
  const opened = await post({ jsonrpc: "2.0", id: 1, method: "initialize", params }, ACCEPT).catch(
    () => undefined,
  );
  if (opened === undefined || opened.status === 503) return undefined;
  const text = await opened.text();
  if (!opened.ok || !text.includes('"result"'))
    throw new Error(`${url}: ${opened.status} ${text.slice(0, 300)}`);
  const session = sessionHeaders(opened.headers.get("mcp-session-id"));
  await (await post({ jsonrpc: "2.0", method: "notifications/initialized" }, session)).arrayBuffer();
  return session;
}
