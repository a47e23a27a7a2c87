// The server of the matrix on SDK v1: knows nothing after 2025-11-25, and asks by requests of its own.
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import type { RequestHandlerExtra } from "@modelcontextprotocol/sdk/shared/protocol.js";
import {
  CallToolRequestSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
  UrlElicitationRequiredError,
  type CallToolResult,
  type ServerNotification,
  type ServerRequest,
} from "@modelcontextprotocol/sdk/types.js";
import {
  CAPABILITIES,
  COLOR,
  greet,
  INFO,
  NAME,
  OTHER_PAGE,
  PAGE,
  PROMPT,
  RESOURCE,
  SUM,
  tell,
  THOUGHT,
  type Arguments,
} from "./offers.ts";

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;
type Run = (args: Arguments, extra: Extra) => CallToolResult | Promise<CallToolResult>;

const server = new Server(INFO, { capabilities: CAPABILITIES });
const handle = server.setRequestHandler.bind(server);
const cancelled: unknown[] = [];
const heard = new Map<unknown, () => void>();
/** Those who have been sent to the page. */
const sent = new Set<unknown>();

const TOOLS: Record<string, Run> = {
  add: ({ a, b }) => ({ ...tell(null), structuredContent: { sum: Number(a) + Number(b) } }),
  ask_form: async () => tell({ name: await server.elicitInput(NAME) }),
  ask_page: async () => tell({ page: await server.elicitInput(toPage(PAGE)) }),
  /** Answers with the error −32042, and takes a second call for a visit there. */
  need_page({ who }) {
    if (sent.has(who)) return tell("been there");
    sent.add(who);
    throw new UrlElicitationRequiredError([toPage(PAGE), toPage(OTHER_PAGE)]);
  },
  async ask_at_once() {
    const [name, color] = await Promise.all([server.elicitInput(NAME), server.elicitInput(COLOR)]);
    return tell({ name, color });
  },
  ask_in_turn: async () =>
    tell({ name: await server.elicitInput(NAME), color: await server.elicitInput(COLOR) }),
  sample: async () => tell({ thought: await server.createMessage(THOUGHT) }),
  roots: async () => tell({ roots: await server.listRoots() }),
  /** Has nothing more to report, and waits for a call that says this was heard: an answer overtakes it in some clients. */
  async report({ key }, extra) {
    for (const step of [1, 2, 3]) await progress(extra, step);
    return new Promise((resolve) => heard.set(key, () => resolve(tell("done"))));
  },
  heard({ key }) {
    heard.get(key)?.();
    return tell(key);
  },
  async log() {
    await server.sendLoggingMessage({ level: "debug", data: "a detail" });
    await server.sendLoggingMessage({ level: "warning", data: "a warning" });
    return tell("logged");
  },
  /** Works until it is cancelled. */
  async wait({ key }, extra) {
    const stopped = new Promise((resolve) => extra.signal.addEventListener("abort", resolve));
    await progress(extra, 1);
    await stopped;
    cancelled.push(key);
    return tell("stopped");
  },
  cancelled: () => tell(cancelled),
  async touch() {
    await server.sendResourceUpdated({ uri: RESOURCE.uri });
    return tell("touched");
  },
  async change() {
    await server.sendToolListChanged();
    return tell("changed");
  },
};

handle(ListToolsRequestSchema, () => ({
  tools: Object.keys(TOOLS).map((name) => ({
    name,
    inputSchema: { type: "object" as const },
    ...(name === "add" && { outputSchema: SUM }),
  })),
}));
handle(CallToolRequestSchema, ({ params: { name, arguments: args = {} } }, extra) =>
  TOOLS[name]!(args, extra),
);
handle(ListPromptsRequestSchema, () => ({ prompts: [PROMPT] }));
handle(GetPromptRequestSchema, async () => greet(await server.elicitInput(NAME)));
handle(ListResourcesRequestSchema, () => ({ resources: [RESOURCE] }));
handle(ReadResourceRequestSchema, ({ params: { uri } }) => ({ contents: [{ uri, text: "a note" }] }));
handle(SubscribeRequestSchema, () => ({}));
handle(UnsubscribeRequestSchema, () => ({}));
await server.connect(new StdioServerTransport());

function toPage(page: typeof PAGE) {
  return { ...page, elicitationId: crypto.randomUUID() };
}

async function progress({ _meta, sendNotification }: Extra, step: number): Promise<void> {
  const progressToken = _meta?.progressToken;
  if (progressToken === undefined) return;
  await sendNotification({
    method: "notifications/progress",
    params: { progressToken, progress: step, total: 3 },
  });
}
