// The server of the matrix on SDK v2, for clients of either era.
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { createServer } from "./v2-server.ts";

serveStdio(createServer);
