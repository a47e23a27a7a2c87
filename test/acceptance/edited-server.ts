// A server whose file is saved again and again while clients are connected, in a folder of its own.
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../program.ts";

export interface EditedServer {
  /** The server's file. */
  readonly file: string;
  readonly folder: string;
  /** Saves the file as an editor does that writes a new one and renames it. */
  save(source: string): void;
  [Symbol.dispose](): void;
}

export interface Version {
  /** What the tool `version` answers. */
  version: number;
  /** More tools, each with the names of its arguments. */
  tools?: Record<string, readonly string[]>;
  /** Code that runs before anything else. */
  before?: string;
  comment?: string;
}

export function createEditedServer(source: string): EditedServer {
  const folder = mkdtempSync(join(tmpdir(), "mcp-expose-edited-"));
  const code = join(folder, "code");
  const file = join(code, "server.ts");
  mkdirSync(code);
  writeFileSync(join(code, "package.json"), '{"name":"edited","type":"module"}');
  symlinkSync(join(ROOT, "node_modules"), join(code, "node_modules"));
  writeFileSync(file, source);
  let saves = 0;
  return {
    file,
    folder,
    save(text) {
      // Beside the watched folder, so that the rename is all that happens in it.
      const draft = join(folder, `draft-${++saves}`);
      writeFileSync(draft, text);
      renameSync(draft, file);
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A server on SDK v1. Its tools answer with `version`, their name and the process. */
export function writeV1(version: Version): string {
  return `
${version.before ?? ""}
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
// ${version.comment ?? ""}
const server = new Server({ name: "edited", version: "1.0.0" }, { capabilities: { tools: {} } });
server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: ${listTools(version)} }));
${callTool(version, "CallToolRequestSchema")}
await server.connect(new StdioServerTransport());
`;
}

/** The same on SDK v2, for clients of both eras. */
export function writeV2(version: Version): string {
  return `
${version.before ?? ""}
import { Server } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
// ${version.comment ?? ""}
serveStdio(() => {
  const server = new Server({ name: "edited", version: "2.0.0" }, { capabilities: { tools: {} } });
  server.setRequestHandler("tools/list", () => ({ tools: ${listTools(version)} }));
  ${callTool(version, '"tools/call"')}
  return server;
});
`;
}

function listTools({ tools = {} }: Version): string {
  return JSON.stringify(
    Object.entries({ version: [], ...tools }).map(([name, args]) => ({
      name,
      inputSchema: {
        type: "object",
        properties: Object.fromEntries(args.map((arg) => [arg, { type: "string" }])),
      },
    })),
  );
}

function callTool({ version, tools = {} }: Version, method: string): string {
  const names = JSON.stringify(["version", ...Object.keys(tools)]);
  return `server.setRequestHandler(${method}, async ({ params: { name, arguments: args } }) => {
  if (!${names}.includes(name)) throw new Error("Unknown tool: " + name);
  if (typeof args?.ms === "number") await new Promise((resolve) => setTimeout(resolve, args.ms));
  const said = { version: ${version}, tool: name, pid: process.pid };
  return { content: [{ type: "text", text: JSON.stringify(said) }] };
});`;
}
