// The server of the matrix on SDK v2: it asks by `input_required` results (2026-07-28, basic/patterns/mrtr),
// which the SDK itself turns into requests where it serves an older client.
import {
  inputRequired,
  Server,
  type CallToolResult,
  type InputRequests,
  type InputRequiredResult,
  type ServerContext,
} from "@modelcontextprotocol/server";
import {
  CAPABILITIES,
  COLOR,
  EITHER,
  greet,
  INFO,
  NAME,
  NUMBERS,
  PAGE,
  PROMPT,
  RESOURCE,
  SUM,
  tell,
  THOUGHT,
  type Answers,
  type Arguments,
} from "./offers.ts";

type Run = (
  args: Arguments,
  ctx: ServerContext,
) => CallToolResult | InputRequiredResult | Promise<CallToolResult | InputRequiredResult>;

export function createServer(): Server {
  const server = new Server(INFO, { capabilities: CAPABILITIES });
  const cancelled: unknown[] = [];
  const heard = new Map<unknown, () => void>();

  const tools: Record<string, Run> = {
    add: ({ a, b }) => ({ ...tell(null), structuredContent: { sum: Number(a) + Number(b) } }),
    ask_form: asking([{ name: inputRequired.elicit(NAME) }]),
    ask_page: asking([{ page: inputRequired.elicitUrl(PAGE) }]),
    ask_at_once: asking([{ name: inputRequired.elicit(NAME), color: inputRequired.elicit(COLOR) }]),
    ask_in_turn: asking([{ name: inputRequired.elicit(NAME) }, { color: inputRequired.elicit(COLOR) }]),
    sample: asking([{ thought: inputRequired.createMessage(THOUGHT) }]),
    roots: asking([{ roots: inputRequired.listRoots() }]),
    /** Has nothing more to report, and waits for a call that says this was heard: an answer overtakes it in some clients. */
    async report({ key }, ctx) {
      for (const step of [1, 2, 3]) await progress(ctx, step);
      return new Promise((resolve) => heard.set(key, () => resolve(tell("done"))));
    },
    heard({ key }) {
      heard.get(key)?.();
      return tell(key);
    },
    async log(_args, { mcpReq }) {
      await mcpReq.log("debug", "a detail");
      await mcpReq.log("warning", "a warning");
      return tell("logged");
    },
    /** Works until it is cancelled. */
    async wait({ key }, ctx) {
      const stopped = new Promise((resolve) => ctx.mcpReq.signal.addEventListener("abort", resolve));
      await progress(ctx, 1);
      await stopped;
      cancelled.push(key);
      return tell("stopped");
    },
    cancelled: () => tell(cancelled),
    numbers: (_args, ctx) => ({ ...tell(null), structuredContent: output(ctx, [1, 2, 3]) }),
    either: (_args, ctx) => ({ ...tell(null), structuredContent: output(ctx, { sum: 3 }) }),
    async touch() {
      await server.sendResourceUpdated({ uri: RESOURCE.uri });
      return tell("touched");
    },
    async change() {
      await server.sendToolListChanged();
      return tell("changed");
    },
  };

  server.setRequestHandler("tools/list", () => ({
    tools: Object.keys(tools).map((name) => ({
      name,
      inputSchema: { type: "object" as const },
      ...(name === "add" && { outputSchema: SUM }),
      ...(name === "numbers" && { outputSchema: NUMBERS }),
      ...(name === "either" && { outputSchema: EITHER }),
    })),
  }));
  server.setRequestHandler("tools/call", ({ params }, ctx) =>
    tools[params.name]!(params.arguments ?? {}, ctx),
  );
  server.setRequestHandler("prompts/list", () => ({ prompts: [PROMPT] }));
  server.setRequestHandler("prompts/get", (_request, ctx) => {
    const { next, answers } = takeRound(ctx, [{ name: inputRequired.elicit(NAME) }]);
    return next ?? greet(answers["name"]);
  });
  server.setRequestHandler("resources/list", () => ({ resources: [RESOURCE] }));
  server.setRequestHandler("resources/read", ({ params: { uri } }) => ({
    contents: [{ uri, text: "a note" }],
  }));
  server.setRequestHandler("resources/subscribe", () => ({}));
  server.setRequestHandler("resources/unsubscribe", () => ({}));
  return server;
}

/** For older clients the SDK wraps the schema of an output that is not an object, and leaves the output itself to us. */
function output({ mcpReq }: ServerContext, value: unknown): unknown {
  return mcpReq.envelope ? value : { result: value };
}

/** A tool that asks, one round after the other, and returns the answers. */
function asking(rounds: readonly InputRequests[]): Run {
  return (_args, ctx) => {
    const { next, answers } = takeRound(ctx, rounds);
    return next ?? tell(answers);
  };
}

/** The answers so far, and the next request. The state is plain JSON, since no client here forges it. */
function takeRound({ mcpReq }: ServerContext, rounds: readonly InputRequests[]) {
  const before = JSON.parse(mcpReq.requestState<string>() ?? "{}") as Answers;
  const answers = { ...before, ...mcpReq.inputResponses };
  const inputRequests = rounds.find((round) => Object.keys(round).some((key) => !(key in answers)));
  const next = inputRequests && inputRequired({ inputRequests, requestState: JSON.stringify(answers) });
  return { next, answers };
}

async function progress({ mcpReq }: ServerContext, step: number): Promise<void> {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return;
  await mcpReq.notify({
    method: "notifications/progress",
    params: { progressToken, progress: step, total: 3 },
  });
}
