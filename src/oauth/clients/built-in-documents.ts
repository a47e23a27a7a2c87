// The metadata documents of well-known assistants, as their vendors publish them, for when one cannot be fetched from
// here: some hosts answer programs outside a browser with a challenge page. A document that can be fetched wins.
import type { ClientMetadata } from "../../store/store.ts";

type BuiltInDocument = Pick<ClientMetadata, "client_name" | "redirect_uris"> & { jwks_uri?: string };

const CLAUDE: BuiltInDocument = {
  client_name: "Claude",
  redirect_uris: ["https://claude.ai/api/mcp/auth_callback", "https://claude.com/api/mcp/auth_callback"],
};
const CHATGPT_KEYS = "https://chatgpt.com/oauth/jwks.json";

const DOCUMENTS: Readonly<Record<string, BuiltInDocument>> = {
  "https://claude.ai/oauth/mcp-oauth-client-metadata": CLAUDE,
  "https://claude.ai/oauth/claude-code-client-metadata": {
    client_name: "Claude Code",
    redirect_uris: ["http://localhost/callback", "http://127.0.0.1/callback"],
  },
  "https://chatgpt.com/oauth/client.json": {
    client_name: "ChatGPT",
    redirect_uris: ["https://chatgpt.com/connector_platform_oauth_redirect"],
    jwks_uri: CHATGPT_KEYS,
  },
  "https://chatgpt.com/oauth/codex/client.json": {
    client_name: "Codex",
    redirect_uris: ["http://127.0.0.1/callback", "http://localhost/callback"],
  },
  "https://vscode.dev/oauth/client-metadata.json": {
    client_name: "Visual Studio Code",
    redirect_uris: [
      "http://127.0.0.1/",
      "http://127.0.0.1:33418/",
      "https://vscode.dev/redirect",
      "https://insiders.vscode.dev/redirect",
    ],
  },
  "https://goose-docs.ai/oauth/client-metadata.json": {
    client_name: "goose",
    redirect_uris: [
      "http://127.0.0.1/oauth_callback",
      "http://localhost/oauth_callback",
      "http://[::1]/oauth_callback",
    ],
  },
  "https://opencode.ai/oauth/opencode/client.json": {
    client_name: "opencode",
    redirect_uris: ["http://127.0.0.1/callback"],
  },
  "https://slack.com/.well-known/oauth-client-metadata": {
    client_name: "Slack",
    redirect_uris: ["https://oauth2.slack.com/external/auth/callback"],
  },
};

/** ChatGPT and Codex have a document per connection where the server does not send `iss` (RFC 9207). */
const PER_CONNECTION: readonly { id: RegExp; describe(connection: string): BuiltInDocument }[] = [
  {
    id: /^https:\/\/chatgpt\.com\/oauth\/([A-Za-z0-9_-]+)\/client\.json$/,
    describe: (connection) => ({
      client_name: "ChatGPT",
      redirect_uris: [`https://chatgpt.com/connector/oauth/${connection}`],
      jwks_uri: CHATGPT_KEYS,
    }),
  },
  {
    id: /^https:\/\/chatgpt\.com\/oauth\/codex\/([A-Za-z0-9_-]+)\/client\.json$/,
    describe: (connection) => ({
      client_name: "Codex",
      redirect_uris: [`http://127.0.0.1/callback/${connection}`, `http://localhost/callback/${connection}`],
    }),
  },
];

/** The document of a well-known client. */
export function findBuiltInDocument(clientId: string): ClientMetadata | undefined {
  const own = Object.hasOwn(DOCUMENTS, clientId) ? DOCUMENTS[clientId] : undefined;
  const known = own ?? findPerConnection(clientId);
  if (known === undefined) return undefined;
  return {
    ...known,
    token_endpoint_auth_method: "none",
    ...(known.jwks_uri === undefined
      ? {}
      : { token_endpoint_auth_methods_supported: ["none", "private_key_jwt"] }),
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
  };
}

function findPerConnection(clientId: string): BuiltInDocument | undefined {
  for (const { id, describe } of PER_CONNECTION) {
    const connection = id.exec(clientId)?.[1];
    if (connection !== undefined) return describe(connection);
  }
  return undefined;
}
