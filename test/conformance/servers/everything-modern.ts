// The server that the suite wants, on SDK v2, for clients of 2026-07-28 alone.
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { createFactory } from "./modern-server.ts";

serveStdio(createFactory(), { legacy: "reject" });
