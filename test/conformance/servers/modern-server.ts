// The server that the suite wants, on SDK v2: it asks by `input_required` results (2026-07-28,
// basic/patterns/mrtr), which the SDK itself turns into requests where it serves an older client.
import {
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  inputRequired,
  ProtocolError,
  ResourceNotFoundError,
  Server,
  type InputRequiredResult,
  type RequestStateCodec,
  type ServerContext,
} from "@modelcontextprotocol/server";
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
  type Arguments,
  type Client,
  type PromptOffer,
  type Tell,
  type ToolOffer,
} from "./everything.ts";

/** How far the questions have got; travels through the client. */
interface Progress {
  round: number;
  answers: Answers;
}

const INVALID_PARAMS = -32602;

/** All servers of one factory know each other's `requestState`. */
export function createFactory(): () => Server {
  const states = createRequestStateCodec<Progress>({ key: crypto.getRandomValues(new Uint8Array(32)) });
  return () => createServer(states);
}

function createServer(states: RequestStateCodec<Progress>): Server {
  const server = new Server(SERVER_INFO, {
    capabilities: CAPABILITIES,
    requestState: { verify: states.verify },
  });

  const answer = async <Result>(
    { ask, give, sealed }: Pick<ToolOffer | PromptOffer, "ask" | "sealed"> & { give: Give<Result> },
    args: Arguments,
    ctx: ServerContext,
  ): Promise<InputRequiredResult | Result> => {
    const rounds = ask?.(args, clientOf(server, ctx)) ?? [];
    const { round, answers } = takeAnswers(ctx);
    const missing = Object.entries(rounds[round] ?? {}).filter(([key]) => answers[key] === undefined);
    const next = missing.length > 0 ? round : round + 1;
    const inputRequests = missing.length > 0 ? Object.fromEntries(missing) : rounds[next];
    if (inputRequests === undefined) return give(args, answers, createTell(server, ctx));
    const stateless = sealed !== true && rounds.length === 1;
    return inputRequired({
      inputRequests,
      ...(!stateless && { requestState: await states.mint({ round: next, answers }) }),
    });
  };

  server.setRequestHandler("tools/list", () => ({ tools: listTools() }));
  server.setRequestHandler("tools/call", ({ params }, ctx) =>
    answer(lookUp(TOOLS, params.name), params.arguments ?? {}, ctx),
  );
  server.setRequestHandler("prompts/list", () => ({ prompts: listPrompts() }));
  server.setRequestHandler("prompts/get", ({ params }, ctx) =>
    answer(lookUp(PROMPTS, params.name), params.arguments ?? {}, ctx),
  );
  server.setRequestHandler("completion/complete", ({ params }) => ({
    completion: { values: complete(params.argument.value) },
  }));
  server.setRequestHandler("resources/list", () => ({ resources: RESOURCES }));
  server.setRequestHandler("resources/templates/list", () => ({ resourceTemplates: RESOURCE_TEMPLATES }));
  server.setRequestHandler("resources/read", ({ params: { uri } }) => {
    const result = readResource(uri);
    if (result === undefined) throw new ResourceNotFoundError(uri);
    return result;
  });
  server.setRequestHandler("resources/subscribe", () => ({}));
  server.setRequestHandler("resources/unsubscribe", () => ({}));
  return server;
}

type Give<Result> = (args: Arguments, answers: Answers, tell: Tell) => Result | Promise<Result>;

/** Each request of 2026-07-28 says what its client can do; before, `initialize` said it for all. */
function clientOf(server: Server, ctx: ServerContext): Client {
  const envelope: Record<string, unknown> = ctx.mcpReq.envelope ?? {};
  return (
    (envelope[CLIENT_CAPABILITIES_META_KEY] as Client | undefined) ?? server.getClientCapabilities() ?? {}
  );
}

/** What was answered in earlier rounds, and in this one. */
function takeAnswers(ctx: ServerContext): Progress {
  const { round, answers } = ctx.mcpReq.requestState<Progress>() ?? { round: 0, answers: {} };
  return { round, answers: { ...answers, ...ctx.mcpReq.inputResponses } };
}

function createTell(server: Server, ctx: ServerContext): Tell {
  const progressToken = ctx.mcpReq._meta?.progressToken;
  return {
    log: (data) => ctx.mcpReq.log("info", data),
    async progress(progress, total) {
      if (progressToken === undefined) return;
      await ctx.mcpReq.notify({
        method: "notifications/progress",
        params: { progressToken, progress, total },
      });
    },
    changed: (list) => (list === "tools" ? server.sendToolListChanged() : server.sendPromptListChanged()),
  };
}

function lookUp<T>(offers: Record<string, T>, name: string): T {
  const offer = offers[name];
  if (offer === undefined) throw new ProtocolError(INVALID_PARAMS, `Unknown: ${name}`);
  return offer;
}
