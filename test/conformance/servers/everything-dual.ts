// The server that the suite wants, on SDK v2, for clients of either era.
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { createFactory } from "./modern-server.ts";

serveStdio(createFactory());
