// The origins of the assistants' pages, which call a server from the person's browser. They may where a token is required:
// a page without one gets nothing, and no assistant explains a 403. As of 2026-11-21: the sites in their clients' redirect
// URIs, under all their names.
// Claude: https://claude.com/docs/connectors/building/authentication
// ChatGPT: https://developers.openai.com/plugins/build/auth
// VS Code for the Web: https://code.visualstudio.com/docs/setup/vscode-web
// Cursor: https://www.cursor.com/agents/mcp/oauth/callback, its redirect URI
// MCP Inspector: the project's own domain; an inspector on loopback may call anyway

export const ASSISTANT_ORIGINS: readonly string[] = [
  "https://claude.ai",
  "https://claude.com",
  "https://chatgpt.com",
  "https://chat.openai.com",
  "https://vscode.dev",
  "https://insiders.vscode.dev",
  "https://github.dev",
  "https://cursor.com",
  "https://www.cursor.com",
  "https://inspector.modelcontextprotocol.io",
];
