// A process that everyone shares: what is asked of it in no client's name must not depend on which client came first.
import { expect, test } from "bun:test";
import { createSharedServer } from "../../src/bridge/shared/shared-server.ts";
import { META } from "../../src/mcp/meta.ts";
import { createFakeChild, createPairOptions, toMessage } from "./fake-child.ts";
import { INITIALIZE } from "./pair-clients.ts";

test("the tools of a server without sessions are listed for all clients, not for the first one's capabilities", async () => {
  const child = createFakeChild();
  const server = createSharedServer({ ...createPairOptions(child), era: "modern", isPublic: false });
  const open = async (clientInfo: object) => {
    const conversation = server.open({ sendUnrelated() {}, closed() {} });
    const params = { ...INITIALIZE.params, clientInfo };
    conversation.call(toMessage({ ...INITIALIZE, params }), { notify() {}, respond() {}, cancelled() {} });
    await child.answer("server/discover", { supportedVersions: ["2026-07-28"], capabilities: { tools: {} } });
    return conversation;
  };
  await open({ name: "somebody else's", version: "1" });
  const { tools } = await open({ name: "own", version: "1" });

  const found = tools.find("reader");
  const reader = { name: "reader", inputSchema: {}, annotations: { readOnlyHint: true } };
  const { params, text } = await child.answer("tools/list", { tools: [reader] });
  expect((await found)?.annotations).toEqual({ readOnlyHint: true });
  expect((params!["_meta"] as Record<string, unknown>)[META.capabilities]).toMatchObject({
    elicitation: {},
    sampling: {},
  });
  expect(text).not.toContain("somebody else's");
  await server.close();
});
