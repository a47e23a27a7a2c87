// The server of the matrix on SDK v2, for clients of 2026-07-28 alone.
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { createServer } from "./v2-server.ts";

serveStdio(createServer, { legacy: "reject" });
