// The server that the suite wants, on SDK v1, for clients up to 2025-11-25.
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { createServer } from "./legacy-server.ts";

await createServer().connect(new StdioServerTransport());
