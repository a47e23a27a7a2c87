// The authorization server as a process of its own, so that a test can kill it. Prints its URL when it listens.
import { startServer } from "../oauth/harness.ts";

const [, , where = ""] = process.argv;
const server = await startServer({ where, publicUrl: "https://crash.example", now: Date.now });
process.stdout.write(`${server.url}\n`);
