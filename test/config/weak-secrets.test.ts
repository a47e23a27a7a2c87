// The secrets that can be guessed, with the words known of the server. test/cli/warnings.test.ts shows that they are refused.
import { expect, test } from "bun:test";
import { randomBytes, randomUUID } from "node:crypto";
import { findWeakness } from "../../src/config/weak-secrets.ts";

test.each([
  "mcp-expose-token",
  "my-secret-token",
  "ngrok-token-1",
  "ChatGPT2026!!",
  "letmein-letmein",
  "MCP_Server_2026",
  "claude-connector-secret",
])("found 19: %j is made of what is tried first in front of such a server", async (secret) => {
  expect(await findWeakness(secret)).toBe("is one of the first to be tried");
});

test("found 19: nor do the names of the server and of its people make a secret", async () => {
  const secret = "Weather-Station-Margarete!";
  expect(await findWeakness(secret)).toBeUndefined();
  expect(await findWeakness(secret, ["./weather-station.js", "margarete"])).toBeDefined();
});

test("found 19: what is random is never refused", async () => {
  const names = ["npx", "-y", "@modelcontextprotocol/server-everything", "alice"];
  const refused: string[] = [];
  for (let round = 0; round < 100; round++) {
    const secrets = [
      randomBytes(9).toString("base64"),
      randomBytes(6).toString("hex"),
      randomBytes(16).toString("hex"),
      randomUUID(),
      randomBytes(24).toString("base64"),
    ];
    for (const secret of secrets) if ((await findWeakness(secret, names)) !== undefined) refused.push(secret);
  }
  expect(refused).toEqual([]);
});
