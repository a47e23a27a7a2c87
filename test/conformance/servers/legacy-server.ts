// The server that the suite wants, on SDK v1: it knows nothing after 2025-11-25, and asks
// by requests of its own.
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import type { RequestHandlerExtra } from "@modelcontextprotocol/sdk/shared/protocol.js";
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
  ResultSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
  type ServerNotification,
  type ServerRequest,
} from "@modelcontextprotocol/sdk/types.js";
import {
  CAPABILITIES,
  complete,
  listPrompts,
  listTools,
  PROMPTS,
  readResource,
  RESOURCE_TEMPLATES,
  RESOURCES,
  SERVER_INFO,
  TOOLS,
  type Answers,
  type Round,
  type Tell,
} from "./everything.ts";

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

const INVALID_PARAMS = -32602;
/** What there was for a missing resource before 2026-07-28. */
const RESOURCE_NOT_FOUND = -32002;

export function createServer(): Server {
  const server = new Server(SERVER_INFO, { capabilities: CAPABILITIES });
  const handle = server.setRequestHandler.bind(server);

  handle(ListToolsRequestSchema, () => ({ tools: listTools() }));
  handle(CallToolRequestSchema, async ({ params: { name, arguments: args = {} } }, extra) => {
    const { ask, give } = lookUp(TOOLS, name);
    const answers = await askAll(ask?.(args, server.getClientCapabilities() ?? {}) ?? [], extra);
    return await give(args, answers, createTell(server, extra));
  });
  handle(ListPromptsRequestSchema, () => ({ prompts: listPrompts() }));
  handle(GetPromptRequestSchema, async ({ params: { name, arguments: args = {} } }, extra) => {
    const { ask, give } = lookUp(PROMPTS, name);
    const answers = await askAll(ask?.(args, server.getClientCapabilities() ?? {}) ?? [], extra);
    return await give(args, answers, createTell(server, extra));
  });
  handle(CompleteRequestSchema, ({ params }) => ({
    completion: { values: complete(params.argument.value) },
  }));
  handle(ListResourcesRequestSchema, () => ({ resources: RESOURCES }));
  handle(ListResourceTemplatesRequestSchema, () => ({ resourceTemplates: RESOURCE_TEMPLATES }));
  handle(ReadResourceRequestSchema, ({ params: { uri } }) => {
    const result = readResource(uri);
    if (result === undefined) throw new McpError(RESOURCE_NOT_FOUND, "Resource not found", { uri });
    return result;
  });
  handle(SubscribeRequestSchema, () => ({}));
  handle(UnsubscribeRequestSchema, () => ({}));
  return server;
}

/** Asks the client one round after the other, and what is in a round at once. */
async function askAll(rounds: Round[], extra: Extra): Promise<Answers> {
  const answers: Answers = {};
  for (const round of rounds)
    await Promise.all(
      Object.entries(round).map(async ([key, question]) => {
        answers[key] = await extra.sendRequest(question as ServerRequest, ResultSchema);
      }),
    );
  return answers;
}

function createTell(server: Server, extra: Extra): Tell {
  const progressToken = extra._meta?.progressToken;
  return {
    log: (data) => server.sendLoggingMessage({ level: "info", data }),
    async progress(progress, total) {
      if (progressToken === undefined) return;
      await extra.sendNotification({
        method: "notifications/progress",
        params: { progressToken, progress, total },
      });
    },
    changed: (list) => (list === "tools" ? server.sendToolListChanged() : server.sendPromptListChanged()),
  };
}

function lookUp<T>(offers: Record<string, T>, name: string): T {
  const offer = offers[name];
  if (offer === undefined) throw new McpError(INVALID_PARAMS, `Unknown: ${name}`);
  return offer;
}
