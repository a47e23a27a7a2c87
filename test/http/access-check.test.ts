// The entry of a request to an MCP path: at once where the token is known at once, and by what holds then where it is not.
import { expect, test } from "bun:test";
import { type AccessCheck, createProtect } from "../../src/http/access-check.ts";
import { createRequestSlots } from "../../src/http/request-slots.ts";
import type { Authentication } from "../../src/oauth/oauth.ts";

const PRINCIPAL = {
  subject: "alice",
  clientId: "app",
  clientName: "App",
  grantId: "grant",
  scopes: ["mcp"],
  expiresAt: 1,
};
const LET_IN: Authentication = { ok: true, principal: PRINCIPAL };
const refuse = (): Authentication => ({ ok: false, response: new Response("refused", { status: 401 }) });

/** @param authenticate the first look at the token. @param recheck every other one */
function open(authenticate: AccessCheck["authenticate"], recheck: AccessCheck["recheck"]) {
  const steps: string[] = [];
  const slots = createRequestSlots({ isLimited: () => false, sourceOf: () => undefined });
  const access: AccessCheck = {
    authenticate,
    recheck: (...request) => {
      steps.push("recheck");
      queueMicrotask(() => steps.push("later"));
      return recheck(...request);
    },
    noteUse: (grantId) => void steps.push(`use of ${grantId}`),
    policy: undefined,
  };
  const resource = createProtect(access, slots)("/mcp", async (_, caller) => {
    steps.push(`handler for ${caller.principal?.grantId}`);
    return new Response("handled");
  });
  return { steps, answer: () => resource(new Request("http://127.0.0.1/mcp")) };
}

test("a token that is known at once lets its request in within the same turn, and is looked at once", async () => {
  const { steps, answer } = open(() => LET_IN, refuse);
  const response = answer();
  expect(steps).toEqual(["use of grant", "handler for grant"]);
  expect(await (await response).text()).toBe("handled");
});

test("a refusal that is known at once is not a promise", () => {
  const { steps, answer } = open(refuse, refuse);
  expect(answer()).toBeInstanceOf(Response);
  expect(steps).toEqual([]);
});

test("a token whose check had to wait is checked again in the turn in which its request goes on", async () => {
  const { steps, answer } = open(
    () => Promise.resolve(LET_IN),
    () => LET_IN,
  );
  expect(await (await answer()).text()).toBe("handled");
  expect(steps.slice(0, 3)).toEqual(["recheck", "use of grant", "handler for grant"]);
});

test("a token whose grant ended during the wait is refused", async () => {
  const { steps, answer } = open(() => Promise.resolve(LET_IN), refuse);
  expect((await answer()).status).toBe(401);
  expect(steps.slice(0, 1)).toEqual(["recheck"]);
  expect(steps.join()).not.toContain("handler");
});

test("a refusal after a wait stands", async () => {
  const { steps, answer } = open(
    () => Promise.resolve(refuse()),
    () => LET_IN,
  );
  expect((await answer()).status).toBe(401);
  expect(steps).toEqual([]);
});
