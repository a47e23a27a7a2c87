// The official SDK's clients of every era and transport, behind one face that shows nothing of either. They
// answer whatever a server asks, and keep what it asked and told.
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as HttpV2,
  type SubscriptionFilter,
  type VersionNegotiationMode,
} from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport as SseV1 } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import type { Ready } from "../../src/app/app.ts";

export interface MatrixClient {
  /** The server's requests: a form's message, a page's URL, `sampling` or `roots`. */
  readonly asked: string[];
  /** The server's notifications: a log line's data, an updated resource's URI, or `tools`. */
  readonly told: unknown[];
  /** Of the connection. */
  readonly revision: string | undefined;
  listTools(): Promise<{ name: string; outputSchema?: unknown }[]>;
  call(tool: string, args?: Record<string, unknown>, options?: CallOptions): Promise<CallResult>;
  /** The text of a prompt's one message. */
  getPrompt(name: string): Promise<string>;
  /** @param what a resource's URI, or `tools`; @returns stops listening */
  listenTo(what: string): Promise<() => Promise<unknown>>;
  close(): Promise<void>;
}

export interface CallOptions {
  signal?: AbortSignal;
  onprogress?: (step: { progress: number }) => void;
  /** The least severe level to receive. */
  logLevel?: "debug" | "warning";
}

export interface CallResult {
  /** The tool's text, parsed as JSON. */
  said: unknown;
  structuredContent?: unknown;
}

const INFO = { name: "matrix-client", version: "1.0.0" };
export const CAPABILITIES = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };
export const ROOTS = { roots: [{ uri: "file:///home/ada", name: "Ada" }] };
export const ANSWERS: Record<string, { action: "accept"; content: Record<string, string> }> = {
  "What is your name?": { action: "accept", content: { name: "Ada" } },
  "What is your favorite color?": { action: "accept", content: { color: "green" } },
};
export const THOUGHT = {
  model: "a-model",
  role: "assistant" as const,
  content: { type: "text" as const, text: "Paris" },
};

/** Each opens a client on a running program. */
export const CLIENTS = {
  "SDK v1 over streamable HTTP": ({ url }) => connectV1(new HttpV1(new URL(url))),
  "SDK v1 over HTTP+SSE": ({ sse }) => connectV1(new SseV1(new URL(sse))),
  "SDK v2 pinned to 2026-07-28": ({ url }) => connectV2(url, { pin: "2026-07-28" }),
  "SDK v2 that chooses": ({ url }) => connectV2(url, "auto"),
  "SDK v2 of 2025-11-25": ({ url }) => connectV2(url, "legacy"),
} satisfies Record<string, (ready: Ready) => Promise<MatrixClient>>;

async function connectV1(transport: HttpV1 | SseV1): Promise<MatrixClient> {
  const { asked, told, answer } = createPerson();
  const client = new ClientV1(INFO, { capabilities: CAPABILITIES });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => answer.elicitation(params));
  client.setRequestHandler(CreateMessageRequestSchema, answer.sampling);
  client.setRequestHandler(ListRootsRequestSchema, answer.roots);
  client.setNotificationHandler(
    LoggingMessageNotificationSchema,
    ({ params }) => void told.push(params.data),
  );
  client.setNotificationHandler(
    ResourceUpdatedNotificationSchema,
    ({ params }) => void told.push(params.uri),
  );
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => void told.push("tools"));
  await client.connect(transport);
  return {
    asked,
    told,
    revision: transport instanceof HttpV1 ? transport.protocolVersion : undefined,
    listTools: async () => (await client.listTools()).tools,
    async call(name, args = {}, { logLevel, ...options } = {}) {
      if (logLevel !== undefined) await client.setLoggingLevel(logLevel);
      return readResult(await client.callTool({ name, arguments: args }, undefined, options));
    },
    getPrompt: async (name) => textOf((await client.getPrompt({ name })).messages),
    async listenTo(uri) {
      if (uri === "tools") return async () => {};
      await client.subscribeResource({ uri });
      return () => client.unsubscribeResource({ uri });
    },
    close: () => client.close(),
  };
}

async function connectV2(url: string, mode: VersionNegotiationMode): Promise<MatrixClient> {
  const { asked, told, answer } = createPerson();
  const client = new ClientV2(INFO, { capabilities: CAPABILITIES, versionNegotiation: { mode } });
  client.setRequestHandler("elicitation/create", ({ params }) => answer.elicitation(params));
  client.setRequestHandler("sampling/createMessage", answer.sampling);
  client.setRequestHandler("roots/list", answer.roots);
  client.setNotificationHandler("notifications/message", ({ params }) => void told.push(params.data));
  client.setNotificationHandler(
    "notifications/resources/updated",
    ({ params }) => void told.push(params.uri),
  );
  client.setNotificationHandler("notifications/tools/list_changed", () => void told.push("tools"));
  await client.connect(new HttpV2(new URL(url)));
  const isModern = client.getProtocolEra() === "modern";
  return {
    asked,
    told,
    revision: client.getNegotiatedProtocolVersion(),
    listTools: async () => (await client.listTools()).tools,
    async call(name, args = {}, { logLevel, ...options } = {}) {
      if (logLevel !== undefined && !isModern) await client.setLoggingLevel(logLevel);
      const _meta = isModern && logLevel && { "io.modelcontextprotocol/logLevel": logLevel };
      return readResult(await client.callTool({ name, arguments: args, ...(_meta && { _meta }) }, options));
    },
    getPrompt: async (name) => textOf((await client.getPrompt({ name })).messages),
    async listenTo(uri) {
      if (isModern) {
        const filter: SubscriptionFilter =
          uri === "tools" ? { toolsListChanged: true } : { resourceSubscriptions: [uri] };
        const subscription = await client.listen(filter);
        return () => subscription.close();
      }
      if (uri === "tools") return async () => {};
      await client.subscribeResource({ uri });
      return () => client.unsubscribeResource({ uri });
    },
    close: () => client.close(),
  };
}

/** Answers everything, and remembers it. */
function createPerson() {
  const asked: string[] = [];
  const told: unknown[] = [];
  const answer = {
    elicitation(params: { mode?: string | undefined; message: string; url?: string }) {
      asked.push(params.mode === "url" ? (params.url ?? "no URL") : params.message);
      return params.mode === "url" ? { action: "accept" as const } : ANSWERS[params.message]!;
    },
    sampling() {
      asked.push("sampling");
      return THOUGHT;
    },
    roots() {
      asked.push("roots");
      return ROOTS;
    },
  };
  return { asked, told, answer };
}

function readResult(result: Record<string, unknown>): CallResult {
  const { content, structuredContent } = result as {
    content: { text: string }[];
    structuredContent?: unknown;
  };
  return { said: JSON.parse(content[0]!.text), structuredContent };
}

function textOf([message]: { content: unknown }[]): string {
  return (message!.content as { text: string }).text;
}
