// An example: copy it next to your server and keep what you need. Then `mcp-expose` alone starts everything.
// Flags and MCP_EXPOSE_… variables win over this file. `mcp-expose --help` explains every option.
import { defineConfig } from "mcp-expose";

export default defineConfig({
  // The server, and what its environment gets on top of yours.
  // server: ["npx", "-y", "@modelcontextprotocol/server-everything"],
  // env: { LOG_LEVEL: "debug" },
  // envFile: ".env",
  // cwd: "./server",

  // Where it is reached. Without an ngrok authtoken it stays on this machine.
  // port: 8787,
  // tunnel: "ngrok",
  // domain: "my-name.ngrok-free.dev",
  // publicUrl: "https://mcp.example.com", // your own proxy instead of a tunnel

  // Who may approve a connection. Without users a fresh token is printed at each start.
  // `mcp-expose hash-password alice` prints such a line.
  // users: [{ name: "alice", passwordHash: "$argon2id$v=19$m=19456,t=2,p=1$…" }],
  // accessTtl: "24h",
  // refreshTtl: "90d",

  // A client of your own: its callback, and the browser origin it calls from.
  // allowRedirect: ["https://app.example.com/callback"],
  // allowOrigin: ["https://app.example.com"],
});
