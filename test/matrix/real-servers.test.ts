// Real servers from npm, all of 2025-11-25 or older, reached by a client that is pinned to 2026-07-28.
import { afterEach, expect, test } from "bun:test";
import { join } from "node:path";
import { Client, StreamableHTTPClientTransport, type ClientCapabilities } from "@modelcontextprotocol/client";
import { messageOf } from "../../src/errors.ts";
import { createFolder } from "../cli/process.ts";
import { ROOT, startProgram } from "../program.ts";
import { ALL } from "./stateless-wire.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Wraps a server from npm and connects to it. */
async function connect(
  server: string,
  capabilities: ClientCapabilities = {},
  words: readonly string[] = [],
  prepare: (client: Client) => void = () => {},
): Promise<Client> {
  const folder = join(ROOT, "node_modules/@modelcontextprotocol", `server-${server}`);
  const program = await startProgram(["--auth", "none", "--tunnel", "none", ...words, folder]);
  cleanups.push(program.stop);
  const client = new Client(
    { name: "a-client", version: "1" },
    { capabilities, versionNegotiation: { mode: { pin: "2026-07-28" } } },
  );
  prepare(client);
  await client.connect(new StreamableHTTPClientTransport(new URL(program.ready.url)));
  cleanups.push(() => client.close());
  expect(client.getNegotiatedProtocolVersion()).toBe("2026-07-28");
  return client;
}

const call = async (client: Client, name: string, args: Record<string, unknown> = {}) => {
  const { content, isError } = await client.callTool({ name, arguments: args });
  const text = content.map((block) => (block.type === "text" ? block.text : "")).join("\n");
  if (isError === true) throw new Error(text);
  return text;
};
const toolNames = async (client: Client) => (await client.listTools()).tools.map(({ name }) => name);

test("server-everything offers all its 17 tools to a client with every capability, and sends it requests", async () => {
  const client = await connect("everything", ALL, [], (client) => {
    client.setRequestHandler("sampling/createMessage", () => ({
      model: "a-model",
      role: "assistant",
      content: { type: "text", text: "a sampled answer" },
    }));
    client.setRequestHandler("elicitation/create", () => ({ action: "accept", content: { name: "Ada" } }));
    client.setRequestHandler("roots/list", () => ({ roots: [{ uri: "file:///home/ada", name: "Ada's" }] }));
  });
  // The server asks for the roots after its greeting, and offers the last tools only then.
  expect(await call(client, "echo", { message: "hello" })).toBe("Echo: hello");
  expect(await toolNames(client)).toHaveLength(17);
  expect(await call(client, "trigger-sampling-request", { prompt: "?" })).toContain("a sampled answer");
  expect(await call(client, "trigger-elicitation-request")).toContain("- Name: Ada");
  expect(await call(client, "get-roots-list")).toContain("file:///home/ada");
});

test("server-everything offers fewer tools to a client without capabilities", async () => {
  const names = await toolNames(await connect("everything"));
  expect(names).toHaveLength(13);
  expect(names).not.toContain("trigger-sampling-request");
});

test("server-filesystem takes the folders it may read from the client's roots", async () => {
  const folder = await createFolder();
  cleanups.push(() => folder[Symbol.asyncDispose]());
  await folder.write("note.txt", "what is in the note");
  let asked = 0;
  const client = await connect("filesystem", { roots: {} }, ["--cwd", "/"], (client) =>
    client.setRequestHandler("roots/list", () => {
      asked++;
      return { roots: [{ uri: Bun.pathToFileURL(folder.path).href }] };
    }),
  );
  // The server was given no folder, and asked for the roots when no call was there to carry the question.
  expect(await call(client, "list_allowed_directories")).toContain(folder.path);
  expect(await call(client, "read_text_file", { path: `${folder.path}/note.txt` })).toBe(
    "what is in the note",
  );
  expect(asked).toBe(1);
  expect(await call(client, "read_text_file", { path: "/etc/hostname" }).catch(messageOf)).toMatch(/denied/i);
});

test("server-memory keeps what one call stores for the next", async () => {
  const folder = await createFolder();
  cleanups.push(() => folder[Symbol.asyncDispose]());
  const client = await connect("memory", {}, ["--env", `MEMORY_FILE_PATH=${folder.path}/memory.jsonl`]);
  const ada = { name: "Ada", entityType: "person", observations: ["writes programs"] };
  await call(client, "create_entities", { entities: [ada] });
  const { structuredContent } = await client.callTool({ name: "search_nodes", arguments: { query: "Ada" } });
  expect(structuredContent).toMatchObject({ entities: [ada] });
});

test("server-sequential-thinking counts the thoughts of one client in one process", async () => {
  const client = await connect("sequential-thinking");
  expect(await toolNames(client)).toEqual(["sequentialthinking"]);
  for (const thoughtNumber of [1, 2, 3]) {
    const thought = {
      thought: "I think.",
      thoughtNumber,
      totalThoughts: 3,
      nextThoughtNeeded: thoughtNumber < 3,
    };
    const text = await call(client, "sequentialthinking", thought);
    expect(JSON.parse(text)).toMatchObject({ thoughtNumber, thoughtHistoryLength: thoughtNumber });
  }
});
