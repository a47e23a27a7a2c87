/** @jsxImportSource hono/jsx */
// The page for a person who opens the URL of a resource in a browser, instead of giving it to an assistant.
import { displayName } from "./display.ts";
import { Layout } from "./layout.tsx";

export interface LandingPageProps {
  serverName: string;
  /** The connector URL. */
  url: string;
}

export function LandingPage({ serverName, url }: LandingPageProps) {
  const isPublic = url.startsWith("https:");
  return (
    <Layout title="This URL is for AI assistants">
      <div class="card">
        <p class="brand">mcp-expose</p>
        <h1>This URL is for AI assistants</h1>
        <p class="lead">
          It leads to the MCP server “{displayName(serverName)}”, which has no web pages. Give the URL to your
          assistant:
        </p>
        <p class="address">{url}</p>
        <dl>{isPublic ? <Hosted /> : <Local />}</dl>
        <p class="hint">A page then opens where you sign in and approve the connection.</p>
      </div>
    </Layout>
  );
}

function Hosted() {
  return (
    <>
      <div>
        <dt>ChatGPT</dt>
        <dd>
          Settings → Security and login → Developer mode: on
          <small>then chatgpt.com/plugins → + → paste the URL</small>
        </dd>
      </div>
      <div>
        <dt>Claude</dt>
        <dd>
          Settings → Connectors → Add custom connector
          <small>then paste the URL → Add → Connect</small>
        </dd>
      </div>
      <div>
        <dt>Others</dt>
        <dd>Add it as a remote MCP server over HTTP</dd>
      </div>
    </>
  );
}

function Local() {
  return (
    <div>
      <dt>Any app</dt>
      <dd>
        Add it as an MCP server over HTTP
        <small>Only apps on this computer can reach it; ChatGPT and Claude on the web cannot.</small>
      </dd>
    </div>
  );
}
