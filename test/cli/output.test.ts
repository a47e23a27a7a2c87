import { describe, expect, test } from "bun:test";
import type { Ready } from "../../src/app.ts";
import { renderBanner, renderCredential } from "../../src/cli/banner.ts";
import { renderRequest } from "../../src/cli/request-line.ts";
import { createStyle, wantsColor } from "../../src/cli/style.ts";

const plain = createStyle(false);
const READY: Ready = {
  event: "ready",
  url: "https://x.ngrok-free.dev/mcp",
  sse: "https://x.ngrok-free.dev/sse",
  local: "http://127.0.0.1:8787/mcp",
  issuer: "https://x.ngrok-free.dev",
  tunnel: "ngrok",
  inspector: null,
  readyz: "http://127.0.0.1:8788/readyz",
  auth: "oauth",
  credential: { kind: "token", token: "K7QX-29PM" },
  clients: [],
  server: "@scope/server-files",
};
const LOCAL: Ready = { ...READY, url: READY.local, tunnel: "none" };

describe("the banner", () => {
  test("has the URL, the token, the steps of both assistants and two ready commands", () => {
    const banner = renderBanner(READY, plain);
    expect(banner).toContain("URL      https://x.ngrok-free.dev/mcp\nToken    K7QX-29PM");
    expect(banner).toMatch(/ChatGPT .*Developer mode[^]*Claude .*Add custom connector/);
    expect(banner).toContain("claude mcp add --transport http server-files https://x.ngrok-free.dev/mcp\n");
    expect(banner).toContain("codex mcp add server-files --url https://x.ngrok-free.dev/mcp\n");
    expect(banner).toContain("Visit Site");
  });

  test("names users instead of a token, and never a password", () => {
    const banner = renderBanner(
      { ...READY, credential: { kind: "password", users: ["alice", "bob"] } },
      plain,
    );
    expect(banner).toContain("Sign in  as alice or bob");
    expect(banner).not.toContain("Token");
  });

  test("shows a client that is known beforehand", () => {
    const banner = renderBanner({ ...READY, clients: [{ client_id: "me", client_secret: "shh" }] }, plain);
    expect(banner).toContain("Client   me\nSecret   shh");
  });

  test("says how to get a public URL when there is none, and leaves cloud assistants out", () => {
    const banner = renderBanner(LOCAL, plain);
    expect(banner).toContain("It is not on the internet.");
    expect(banner).not.toMatch(/ChatGPT|ngrok's free plan/);
  });

  test("says so when nobody has to sign in", () => {
    const open: Ready = { ...READY, auth: "none", credential: null, issuer: null };
    expect(renderBanner(open, plain)).toContain("open to everybody, no sign-in");
    expect(renderCredential(open, plain)).toBe("");
  });

  test("fits on half a screen", () => {
    expect(renderBanner(READY, plain).split("\n").length).toBeLessThanOrEqual(20);
  });
});

test("a request is one line, and its sender cannot move the cursor", () => {
  const request = {
    event: "request",
    method: "POST",
    path: "/mcp?code=secret",
    status: 200,
    ms: 12.4,
    rpc: "tools/call",
    name: "ec\x1b[2Jho\n\u202e",
    client: "ChatGPT",
  } as const;
  expect(renderRequest(request, plain)).toBe("POST /mcp 200 12 ms  tools/call ec?[2Jho??  ChatGPT");
});

test("colors are for terminals, and only for those who want them", () => {
  const terminal = { isTTY: true, write: () => {} };
  expect(wantsColor(terminal, {})).toBeTrue();
  expect(wantsColor(terminal, { NO_COLOR: "1" })).toBeFalse();
  expect(wantsColor(terminal, { TERM: "dumb" })).toBeFalse();
  expect(wantsColor({ ...terminal, isTTY: false }, {})).toBeFalse();
});
