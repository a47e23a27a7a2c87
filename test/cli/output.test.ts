import { describe, expect, test } from "bun:test";
import type { Ready } from "../../src/app/app.ts";
import { renderBanner, renderCredential } from "../../src/cli/banner.ts";
import { renderRequest } from "../../src/cli/request-line.ts";
import { createStyle, wantsColor } from "../../src/cli/style.ts";
import { describeStale, describeTools } from "../../src/cli/tool-lines.ts";
import { fixture } from "../eras/wire.ts";
import { runOnTerminal } from "./process.ts";

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
const CAVEAT = 'Your browser first shows a notice: press "Visit Site".';
const LOCAL: Ready = { ...READY, url: READY.local, tunnel: "none" };

describe("the banner", () => {
  test("has the URL, the token, the steps of both assistants and two ready commands", () => {
    const banner = renderBanner({ ...READY, caveat: CAVEAT }, plain);
    expect(banner).toContain("URL      https://x.ngrok-free.dev/mcp\nToken    K7QX-29PM");
    expect(banner).toMatch(/ChatGPT .*Developer mode[^]*Claude .*Add custom connector/);
    expect(banner).toContain("claude mcp add --transport http server-files https://x.ngrok-free.dev/mcp\n");
    expect(banner).toContain("codex mcp add server-files --url https://x.ngrok-free.dev/mcp\n");
    expect(banner).toEndWith(`\n\n${CAVEAT}\n\n`);
  });

  test("names users instead of a token, and never a password", () => {
    const banner = renderBanner(
      { ...READY, credential: { kind: "password", users: ["alice", "bob"] } },
      plain,
    );
    expect(banner).toContain("Sign in  as alice or bob");
    expect(banner).not.toContain("Token");
  });

  test("found 19: names users and token where both are set", () => {
    const credential = { kind: "password", users: ["alice"], token: "paste-me-please" } as const;
    const banner = renderBanner({ ...READY, credential: { ...credential, users: ["alice"] } }, plain);
    expect(banner).toContain(
      "\nSign in  as alice\nToken    paste-me-please  (paste it on the approval page)\n",
    );
  });

  test("shows a client that is known beforehand", () => {
    const banner = renderBanner({ ...READY, clients: [{ client_id: "me", client_secret: "shh" }] }, plain);
    expect(banner).toContain("Client   me\nSecret   shh");
  });

  test("behind a proxy, it says where the proxy must forward requests", () => {
    const banner = renderBanner({ ...READY, url: "https://mcp.example.com/mcp", tunnel: "none" }, plain);
    expect(banner).toContain("is serving @scope/server-files behind your proxy\n");
    expect(banner).toContain("Proxy    must forward https://mcp.example.com to http://127.0.0.1:8787\n");
  });

  test("says that looking is open where it is", () => {
    expect(renderBanner({ ...READY, auth: "optional" }, plain)).toContain(
      "Access   lists are open to everyone, calls need a sign-in\n",
    );
  });

  test("says how to get a public URL when there is none, and leaves cloud assistants out", () => {
    const banner = renderBanner(LOCAL, plain);
    expect(banner).toContain("It is not on the internet.");
    expect(banner).not.toContain("ChatGPT");
  });

  test("says that no one has to sign in", () => {
    const open: Ready = { ...READY, auth: "none", credential: null, issuer: null };
    expect(renderBanner(open, plain)).toContain("open to everyone, no sign-in");
    expect(renderCredential(open, plain)).toBe("");
  });

  test("is broken between words where the terminal is narrow, and what is to be copied is not broken", () => {
    const known = { ...READY, clients: [{ client_id: "me", client_secret: "shh" }] };
    for (const ready of [READY, known, LOCAL, { ...LOCAL, server: "a server with a name of many words" }]) {
      const wide = renderBanner(ready, plain);
      const narrow = renderBanner(ready, createStyle(true), 50).replace(/\x1b\[\d+m/g, "");
      expect(narrow.split(/\s+/)).toEqual(wide.split(/\s+/));
      for (const line of narrow.split("\n"))
        if (!line.startsWith("$ ")) expect([line, line.length <= 50]).toEqual([line, true]);
      const commands = wide.split("\n").filter((line) => line.startsWith("$ "));
      expect(commands).toHaveLength(2);
      for (const command of commands) expect(narrow).toContain(`\n${command}\n`);
      expect(narrow).toContain(`\nURL      ${ready.url}\n`);
    }
    expect(renderBanner(READY, plain, 51)).toContain(
      "\nToken    K7QX-29PM  (paste it on the approval page)\n",
    );
    expect(renderBanner(READY, plain, 45)).toContain(
      "\nToken    K7QX-29PM  (paste it on the approval\n         page)\n",
    );
    expect(renderBanner(READY, plain, 1)).toContain("\nToken    K7QX-29PM\n         (paste\n");
  });

  test("is as wide as the terminal it is shown on", async () => {
    const words = ["--tunnel", "none", "--port", "0", "--store", "memory", fixture("obedient")];
    const { screen, status } = await runOnTerminal(words, [["codex mcp add", "\x03"]], { columns: 40 });
    expect(status).toBe(0);
    expect(screen.replaceAll("\r", "")).toContain(
      "\nIt is not on the internet. For a public\nURL, set NGROK_AUTHTOKEN",
    );
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
    client: "c0ffee00c0ffee00c0ffee00c0ffee00",
    clientName: "Chat\x1b[2JGPT",
    person: "ann",
    outcome: "result",
    bytes: 12,
  } as const;
  expect(renderRequest(request, plain)).toBe("POST /mcp 200 ok 12 ms  tools/call echo  ann, ChatGPT");
});

test("a request says what became of its call, and how long that took", () => {
  const request = { event: "request", method: "POST", path: "/mcp", status: 200, rpc: "tools/call" } as const;
  const id = "c0ffee00c0ffee00c0ffee00c0ffee00";
  const lines = [
    renderRequest({ ...request, ms: 9_999, name: "dig", outcome: "tool-error", client: id }, plain),
    renderRequest({ ...request, ms: 61_000, outcome: "error", person: "ann" }, plain),
    renderRequest({ ...request, ms: 5 * 60_000, outcome: "cancelled" }, plain),
    renderRequest({ ...request, ms: 1, status: 403, outcome: "refused" }, plain),
    renderRequest({ event: "request", method: "GET", path: "/sse", status: 200, ms: 9e6, bytes: 0 }, plain),
  ];
  expect(lines).toEqual([
    "POST /mcp 200 tool error 9999 ms  tools/call dig  c0ffee00",
    "POST /mcp 200 error 61.0 s  tools/call  ann",
    "POST /mcp 200 cancelled 5 min  tools/call",
    "POST /mcp 403 refused 1 ms  tools/call",
    "GET  /sse 200 2.5 h  stream",
  ]);
});

test("a request does not name the owner, as whom everyone signs in who has the token", () => {
  const request = { event: "request", method: "POST", path: "/mcp", status: 202, ms: 1 } as const;
  expect(renderRequest({ ...request, person: "owner", client: "c", clientName: "Codex" }, plain)).toBe(
    "POST /mcp 202 1 ms  Codex",
  );
});

test("colors are for terminals, and only for those who want them", () => {
  const terminal = { isTTY: true, write: () => {} };
  expect(wantsColor(terminal, {})).toBeTrue();
  expect(wantsColor(terminal, { NO_COLOR: "1" })).toBeFalse();
  expect(wantsColor(terminal, { TERM: "dumb" })).toBeFalse();
  expect(wantsColor({ ...terminal, isTTY: false }, {})).toBeFalse();
});

describe("changes of the server's tools", () => {
  const NOTHING = { added: [], removed: [], changed: [], details: {} };
  const since = new Date(2026, 0, 2, 12, 3).toISOString();
  const stale = {
    event: "stale",
    missing: [],
    removed: [],
    changed: [],
    since,
    url: "https://x/mcp?v=3",
  } as const;

  test("are a line for each tool", () => {
    const details = { search_docs: ['argument "limit" added', "description changed"] };
    const changes = { added: ["new_tool"], removed: ["old_tool"], changed: ["search_docs"], details };
    expect(describeTools({ event: "tools", ...changes })).toEqual([
      "+ new_tool",
      "- old_tool",
      '~ search_docs: argument "limit" added, description changed',
    ]);
  });

  test("are cut when they are many, and printable whatever their names are", () => {
    const added = Array.from({ length: 1_000 }, (_, index) => `\x1b[2Jt${index}\n✓ FORGED`);
    const lines = describeTools({ event: "tools", ...NOTHING, added });
    expect(lines).toHaveLength(21);
    expect(lines[0]).toBe("+ t0 ✓ FORGED");
    expect(lines.at(-1)).toBe("and 980 more changes of tools");
    const changed = describeTools({
      event: "tools",
      ...NOTHING,
      changed: ["t"],
      details: { t: ['argument "\x1b[31m\n" added'] },
    });
    expect(changed).toEqual(['~ t: argument " " added']);
  });

  test("that a client has not seen are said with what to do there", () => {
    const missing = Array.from({ length: 17 }, (_, index) => `t${index}`);
    const chatgpt = describeStale({
      ...stale,
      client: "ChatGPT",
      subject: "ann",
      missing,
      removed: ["old_tool"],
    });
    expect(chatgpt).toEndWith(
      " 12:03: misses t0, t1, t2, t3, t4 and 12 more, has old_tool. " +
        "In ChatGPT: Settings → Connectors → Refresh, or connect https://x/mcp?v=3.",
    );
    expect(chatgpt).toStartWith("ChatGPT (ann) still has the list of ");
    const claude = describeStale({ ...stale, client: "Claude", subject: "owner", changed: ["a"] });
    expect(claude).toMatch(/^Claude still has .*: has old versions of a\. In Claude: .*, or connect https:/);
    expect(describeStale({ ...stale, client: "Claude Code", removed: ["a"] })).toEndWith(
      "In Claude Code: /mcp → Reconnect.",
    );
    expect(describeStale({ ...stale, client: "goose\x1b[2J", removed: ["a"] })).toMatch(
      /^goose still .* Refresh its tool list/,
    );
  });
});
