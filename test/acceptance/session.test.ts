// A server's other messages through one session of the SDK's version 1 client: it may send requests,
// report progress, log, and notify of changes. The real server-everything does all of it.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Client } from "@modelcontextprotocol/sdk/client/index.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { createLoginRobot } from "../login-robot.ts";
import { startProgram, type Program } from "../program.ts";
import { createMemoryProvider } from "./memory-provider.ts";
import { connectV1, textOf, type ProviderV1 } from "./sdk-clients.ts";
import { until } from "./until.ts";
import { EVERYTHING } from "./wrapped-servers.ts";

setDefaultTimeout(60_000);

/** The server's requests and notifications, as the client's handlers got them. */
const got: { method: string; params?: object | undefined }[] = [];
/** The methods of what came on the answers to GET. */
const onGetStream: string[] = [];
/** Until then no GET is sent: what the server says at first has to wait for the stream. */
const mayListen = Promise.withResolvers<void>();

let program: Program;
let client: Client;

beforeAll(async () => {
  program = await startProgram(["--tunnel", "none", "--token", "paste-me", EVERYTHING]);
  const provider: ProviderV1 = createMemoryProvider(createLoginRobot({ token: "paste-me" }));
  const capabilities = { sampling: {}, elicitation: {}, roots: { listChanged: true } };
  client = await connectV1(program.ready.url, provider, { capabilities }, handleEverything, watchingFetch);
  // By then the server has sent that its list of tools has changed: these come with the client's capabilities.
  await until("the last tools are there", async () => (await listTools()).includes("get-roots-list"));
  mayListen.resolve();
});

afterAll(async () => {
  await client?.close();
  await program?.stop();
});

/** The part of a client that an application has to write. */
function handleEverything(client: Client): void {
  client.setRequestHandler(CreateMessageRequestSchema, (request) => {
    got.push(request);
    return { model: "a-model", role: "assistant", content: { type: "text", text: "a sampled answer" } };
  });
  client.setRequestHandler(ElicitRequestSchema, (request) => {
    got.push(request);
    return { action: "accept", content: { name: "Ada", integer: 7 } };
  });
  client.setRequestHandler(ListRootsRequestSchema, (request) => {
    got.push(request);
    return { roots: [{ uri: "file:///home/ada/project", name: "Ada's project" }] };
  });
  for (const schema of [
    LoggingMessageNotificationSchema,
    ResourceListChangedNotificationSchema,
    ResourceUpdatedNotificationSchema,
    ToolListChangedNotificationSchema,
  ]) {
    client.setNotificationHandler(schema, (notification) => void got.push(notification));
  }
}

/** Looks on as the SDK fetches: which messages come on the GET stream and not in the answer to a POST. */
async function watchingFetch(url: string | URL, init: RequestInit = {}): Promise<Response> {
  if (init.method === "GET" && String(url) === program.ready.url) await mayListen.promise;
  const response = await fetch(url, init);
  if (init.method !== "GET" || !response.ok || response.body === null) return response;
  const [toRead, toWatch] = response.body.tee();
  void watch(toWatch).catch(() => {});
  return new Response(toRead, response);
}

async function watch(stream: ReadableStream<Uint8Array>): Promise<void> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    // An event without data only gives the client an id to resume from.
    for (const line of lines.filter((each) => /^data: ./.test(each))) {
      onGetStream.push((JSON.parse(line.slice("data: ".length)) as { method?: string }).method ?? "");
    }
  }
}

const call = async (name: string, args: Record<string, unknown> = {}) =>
  textOf(await client.callTool({ name, arguments: args }));
const listTools = async () => (await client.listTools()).tools.map(({ name }) => name);
const methods = () => got.map(({ method }) => method);

test("the server sees the client's capabilities and offers the tools that need them", async () => {
  const conditional = ["get-roots-list", "trigger-elicitation-request", "trigger-sampling-request"];
  expect(await listTools()).toEqual(expect.arrayContaining(conditional));
});

test("the session is of the newest revision with sessions", () => {
  expect(client.getServerVersion()?.name).toBe("mcp-servers/everything");
  expect(client.getServerCapabilities()?.resources?.subscribe).toBeTrue();
  expect(client.getInstructions()).toContain("Everything");
});

test("roots: the server asks on the GET stream, where no call is going on, and gets the client's roots", async () => {
  await until("the server has asked", () => onGetStream.includes("roots/list"));
  expect(await call("get-roots-list")).toContain("Ada's project\n   URI: file:///home/ada/project");
});

test("sampling: a tool asks the client's model while its call goes on, and uses the answer", async () => {
  expect(await call("trigger-sampling-request", { prompt: "Say something.", maxTokens: 12 })).toContain(
    "a sampled answer",
  );
  const asked = got.find(({ method }) => method === "sampling/createMessage");
  expect(asked?.params).toMatchObject({ maxTokens: 12, systemPrompt: "You are a helpful test server." });
  expect(onGetStream).not.toContain("sampling/createMessage");
});

test("elicitation: a tool asks the person while its call goes on, and uses the answer", async () => {
  const text = await call("trigger-elicitation-request");
  expect(text).toContain("- Name: Ada");
  expect(text).toContain("- Favorite Integer: 7");
  expect(onGetStream).not.toContain("elicitation/create");
});

test("progress: each of two calls at a time hears of its own steps, in order", async () => {
  const run = async (steps: number) => {
    const heard: string[] = [];
    const request = { name: "trigger-long-running-operation", arguments: { duration: 0.4, steps } };
    const onprogress = ({ progress, total }: { progress: number; total?: number | undefined }) =>
      void heard.push(`${progress}/${total}`);
    const text = textOf(await client.callTool(request, undefined, { onprogress }));
    return { heard, text };
  };
  const [two, four] = await Promise.all([run(2), run(4)]);
  expect(two.heard).toEqual(["1/2", "2/2"]);
  expect(four.heard).toEqual(["1/4", "2/4", "3/4", "4/4"]);
  expect(two.text).toContain("Steps: 2.");
  expect(four.text).toContain("Steps: 4.");
});

test("logging: the client sets a level and hears the server's messages", async () => {
  await client.setLoggingLevel("debug");
  expect(await call("toggle-simulated-logging")).toContain("Started simulated");
  const isSimulated = ({ params }: { params?: object | undefined }) =>
    /-level message|Alert level-message/.test(JSON.stringify(params ?? {}));
  await until("a message has come", () => got.some(isSimulated));
  expect(await call("toggle-simulated-logging")).toContain("Stopped simulated");
});

test("resource updates: changes of a subscribed resource come on the GET stream", async () => {
  const uri = "demo://resource/dynamic/text/1";
  await client.subscribeResource({ uri });
  await call("toggle-subscriber-updates");
  await until("the update arrives", () => methods().includes("notifications/resources/updated"));
  await call("toggle-subscriber-updates");
  expect(onGetStream).toContain("notifications/resources/updated");
  const update = got.find(({ method }) => method === "notifications/resources/updated");
  expect(update?.params).toMatchObject({ uri });
});

test("list changes come on the GET stream, even one from before it was open", async () => {
  await until("the first arrives", () => onGetStream.includes("notifications/tools/list_changed"));
  await call("gzip-file-as-resource", {
    name: "small.gz",
    data: "data:text/plain,hello",
    outputType: "resourceLink",
  });
  await until("the change arrives", () => methods().includes("notifications/resources/list_changed"));
  expect(onGetStream).toContain("notifications/resources/list_changed");
  const { resources } = await client.listResources();
  expect(resources.map(({ name }) => name)).toContain("small.gz");
});
