// Holds the walls between the rooms of docs/design.md: a change there is a change here, in the same commit.
import { expect, test } from "bun:test";
import { dependencies } from "../package.json";
import { findImports, type Import, listFiles, readSources, withoutComments } from "../scripts/imports.ts";

const LEAVES = [
  "deadline.ts",
  "errors.ts",
  "host-name.ts",
  "log.ts",
  "loopback.ts",
  "printable.ts",
  "process-group.ts",
  "request-body.ts",
  "version.ts",
];
const PARTS = [
  "mcp/",
  "child/",
  "frame/",
  "bridge/",
  "eras/",
  "oauth/",
  "store/open.ts",
  "store/store.ts",
  "tunnel/",
  "inspector/",
  "http/",
  "observe/",
  "watch/",
];

/** What everything in oauth/ that answers requests may import. */
const OAUTH_COMMON = [
  "oauth/failure.ts",
  "oauth/secrets.ts",
  "oauth/issuer.ts",
  "oauth/wire/",
  "store/store.ts",
];

/** What each of the four pairs may import: no pair knows another one. */
const OF_A_PAIR = [
  "bridge/adapter.ts",
  "bridge/bridge.ts",
  "bridge/client-capabilities.ts",
  "bridge/envelope.ts",
  "bridge/log-level.ts",
  "bridge/process/",
  "bridge/question-numbers.ts",
  "bridge/quote-error.ts",
  "bridge/removed-methods.ts",
  "bridge/request-state.ts",
  "bridge/session-adapter.ts",
  "bridge/client-session.ts",
  "bridge/tool-catalog.ts",
  "bridge/unusable-server.ts",
  "frame/",
  "mcp/",
];

/**
 * What each room may import besides itself and the leaves. A room inside another one is named by its whole path, and has
 * rules of its own; a room that may import the outer one may import it too.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  "main.ts": ["../bin/hangup.js", "../bin/parent.js", "cli/", "tunnel/ngrok/agent.ts"],
  "cli/": ["app/app.ts", "app/event.ts", "config/"],
  "app/": ["app/lifecycle.ts", "config/", ...PARTS],
  "app/lifecycle.ts": [],
  "eras/": ["bridge/bridge.ts", "bridge/envelope.ts", "eras/freshness/", "frame/", "mcp/", "store/store.ts"],
  "eras/freshness/": [
    "bridge/bridge.ts",
    "bridge/envelope.ts",
    "eras/caller.ts",
    "eras/tool-access.ts",
    "frame/",
    "mcp/",
    "store/store.ts",
  ],
  "bridge/": ["bridge/process/", "child/child.ts", "frame/", "mcp/"],
  "bridge/lasting/": [
    "bridge/bridge.ts",
    "bridge/envelope.ts",
    "bridge/pool/generation.ts",
    "bridge/quote-error.ts",
    "bridge/unusable-server.ts",
    "child/child.ts",
    "frame/",
    "mcp/",
  ],
  "bridge/pool/": [
    "bridge/adapter.ts",
    "bridge/bridge.ts",
    "bridge/envelope.ts",
    "bridge/launch/",
    "bridge/pairs.ts",
    "bridge/pool/eviction.ts",
    "bridge/process/",
    "bridge/request-state.ts",
    "bridge/client-session.ts",
    "bridge/shared/",
    "bridge/unusable-server.ts",
    "child/child.ts",
    "frame/",
    "mcp/",
  ],
  "bridge/pairs.ts": [
    "bridge/adapter.ts",
    "bridge/legacy-client-legacy-server/",
    "bridge/legacy-client-modern-server/",
    "bridge/modern-client-legacy-server/",
    "bridge/modern-client-modern-server/",
  ],
  "bridge/legacy-client-legacy-server/": OF_A_PAIR,
  "bridge/legacy-client-modern-server/": OF_A_PAIR,
  "bridge/modern-client-legacy-server/": OF_A_PAIR,
  "bridge/modern-client-modern-server/": OF_A_PAIR,
  "bridge/process/": ["bridge/bridge.ts", "bridge/quote-error.ts", "child/child.ts", "frame/", "mcp/"],
  "bridge/launch/": [
    "bridge/adapter.ts",
    "bridge/bridge.ts",
    "bridge/envelope.ts",
    "bridge/quote-error.ts",
    "bridge/client-session.ts",
    "bridge/process/",
    "child/child.ts",
    "frame/",
    "mcp/",
  ],
  "bridge/shared/": [
    "bridge/adapter.ts",
    "bridge/client-capabilities.ts",
    "bridge/envelope.ts",
    "bridge/pairs.ts",
    "bridge/request-state.ts",
    "bridge/process/",
    "frame/",
    "mcp/",
  ],
  // Decides only, so that it can be tested by itself.
  "bridge/pool/eviction.ts": [],
  "child/": ["frame/"],
  "oauth/": ["oauth/", "store/store.ts"],
  "oauth/supported-features.ts": [],
  "oauth/failure.ts": [],
  "oauth/secrets.ts": [],
  "oauth/issuer.ts": [],
  "oauth/wire/": ["oauth/failure.ts"],
  "oauth/limits/": ["oauth/secrets.ts", "store/store.ts"],
  "oauth/pages/": ["oauth/sign-in/prompt.ts"],
  "oauth/sign-in/": ["oauth/limits/", "oauth/secrets.ts", "oauth/issuer.ts", "oauth/wire/"],
  "oauth/tokens/": [...OAUTH_COMMON, "oauth/pages/display.ts", "oauth/sign-in/sign-in.ts"],
  "oauth/access/": [...OAUTH_COMMON, "oauth/sign-in/sign-in.ts"],
  "oauth/clients/": [
    ...OAUTH_COMMON,
    "oauth/supported-features.ts",
    "oauth/limits/",
    "oauth/pages/display.ts",
  ],
  "oauth/endpoints/": [
    ...OAUTH_COMMON,
    "oauth/supported-features.ts",
    "oauth/access/",
    "oauth/clients/",
    "oauth/limits/",
    "oauth/pages/",
    "oauth/sign-in/",
    "oauth/tokens/",
  ],
  "config/": ["store/location.ts"],
  "check/": [],
  "frame/": ["mcp/"],
  "mcp/": [],
  "store/": [],
  "store/open.ts": ["store/"],
  "store/sqlite/": ["store/store.ts", "store/unusable-store.ts"],
  "tunnel/": [],
  "tunnel/ngrok/": ["tunnel/assistant-addresses.ts", "tunnel/supervisor.ts", "tunnel/tunnel.ts"],
  "tunnel/program/": ["tunnel/supervisor.ts", "tunnel/tunnel.ts"],
  "inspector/": [],
  "http/": ["oauth/access/principal.ts"],
  "observe/": ["eras/observers/call-observer.ts", "http/public-app.ts"],
  "watch/": [],
  "deadline.ts": [],
  "errors.ts": [],
  "host-name.ts": [],
  "log.ts": [],
  "loopback.ts": [],
  "printable.ts": [],
  "process-group.ts": [],
  "request-body.ts": [],
  "version.ts": ["../package.json"],
};
/** What a room may name in a type, but not run. */
const MAY_IMPORT_TYPES: Record<string, readonly string[]> = {
  "config/": PARTS,
  // The check of the access token stands between the two.
  "http/": ["eras/caller.ts", "eras/endpoint.ts", "oauth/oauth.ts"],
};

const EMPTY_NAME = /^(?:index|utils?|helpers?|types)(?:\.\w+)?$/;
const DATED_ERA = /^eras\/\d{4}[^/]*\//;

const sources = readSources();
const imports = new Map([...sources].map(([file, text]) => [file, findImports(file, text)]));

test("a file imports only what its room may import", () => {
  expect(findViolations(checkRoom)).toEqual([]);
});

test("a dated era imports no other dated era", () => {
  expect(findViolations(checkEra)).toEqual([]);
});

test("src runs on the runtime dependencies alone, none of them an MCP SDK", () => {
  expect(findViolations(checkPackage)).toEqual([]);
});

test("no files import each other in a circle, not even for types", () => {
  expect(findCircles()).toEqual([]);
});

test("main.ts alone calls process.exit", () => {
  const exits = (text: string) => /\bprocess\s*\.\s*exit\b/.test(withoutComments(text));
  const files = [...sources].filter(([file, text]) => file !== "main.ts" && exits(text));
  expect(files.map(([file]) => `src/${file} calls process.exit: only src/main.ts may`)).toEqual([]);
});

test("app/ holds nothing of a request", () => {
  const files = [...sources].filter(
    ([file, text]) => file.startsWith("app/") && /\b(?:Request|Response)\b/.test(withoutComments(text)),
  );
  expect(files.map(([file]) => `src/${file} names a request or a response: that belongs in http/`)).toEqual(
    [],
  );
});

test("mcp/revisions.ts alone names the dates of revisions", () => {
  const dates = /["'`]20\d\d-\d\d-\d\d["'`]/;
  const files = [...sources].filter(([, text]) => dates.test(withoutComments(text))).map(([file]) => file);
  expect(files).toEqual(["mcp/revisions.ts"]);
});

test("no file or folder has a name that says nothing", () => {
  const files = listFiles("{src,test,scripts,bench,examples}/**/*");
  expect(files.filter((file) => file.split("/").some((part) => EMPTY_NAME.test(part)))).toEqual([]);
});

test("the rules see what they judge", () => {
  const text = `
    // import "./comment.ts";
    const string = 'import "./string.ts"';
    import { value, type Mixed } from "../oauth/mixed.ts";
    import { type Inline } from "../oauth/inline.ts";
    import type { Statement } from "../oauth/statement.ts";
    export type * from "../oauth/star.ts";
    type Position = import("../oauth/position.ts").Position;
    const lazy = () => import("./lazy.ts");
  `;
  const found = findImports("store/sample.ts", text).map(({ target, isTypeOnly }) => [target, isTypeOnly]);
  expect(Object.fromEntries(found)).toEqual({
    "oauth/inline.ts": true,
    "oauth/mixed.ts": false,
    "oauth/position.ts": true,
    "oauth/star.ts": true,
    "oauth/statement.ts": true,
    "store/lazy.ts": false,
  });
  expect(
    checkRoom("store/sample.ts", { specifier: "", target: "oauth/x.ts", isTypeOnly: true }),
  ).not.toBeNull();
  expect(checkRoom("config/sample.ts", { specifier: "", target: "oauth/x.ts", isTypeOnly: true })).toBeNull();
  expect([...imports.values()].flat().length).toBeGreaterThan(sources.size / 2);
});

function checkRoom(file: string, { target, isTypeOnly }: Import): string | null {
  if (target === null) return null;
  const room = roomOf(file);
  const own = MAY_IMPORT[room];
  if (!own) return `"${room}" is not a room of docs/design.md`;
  const allowed = [...LEAVES, ...own, ...(isTypeOnly ? (MAY_IMPORT_TYPES[room] ?? []) : [])];
  if (
    roomOf(target) === room ||
    allowed.some((one) => target === one || (one.endsWith("/") && target.startsWith(one)))
  )
    return null;
  return `${room} may import ${["itself", "the leaves", ...own].join(", ")}`;
}

function checkEra(file: string, { target }: Import): string | null {
  const [from, to] = [DATED_ERA.exec(file)?.[0], DATED_ERA.exec(target ?? "")?.[0]];
  return from && to && from !== to ? "an era that goes takes its folder with it" : null;
}

function checkPackage(_file: string, { specifier, target }: Import): string | null {
  if (target !== null || /^(?:node:.+|bun(?::.+)?)$/.test(specifier)) return null;
  const declared = Object.keys(dependencies).some((name) => `${specifier}/`.startsWith(`${name}/`));
  if (declared && !specifier.startsWith("@modelcontextprotocol/")) return null;
  return `src may import node:*, bun and ${Object.keys(dependencies).join(", ")}`;
}

function findViolations(check: (file: string, found: Import) => string | null): string[] {
  return [...imports].flatMap(([file, found]) =>
    found.flatMap((one) => {
      const rule = check(file, one);
      return rule === null ? [] : [`src/${file} imports "${one.specifier}": ${rule}`];
    }),
  );
}

/** Each circle once, as `a.ts → b.ts → a.ts`. */
function findCircles(): string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]) => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" → "));
    if (done.has(file) || path.includes(file)) return;
    for (const { target } of imports.get(file) ?? []) if (target !== null) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  return circles;
}

/** The innermost room that has rules. */
function roomOf(file: string): string {
  const rooms = Object.keys(MAY_IMPORT).filter(
    (room) => file === room || (room.endsWith("/") && file.startsWith(room)),
  );
  const slash = file.indexOf("/");
  return (
    rooms.sort((one, other) => other.length - one.length)[0] ?? (slash < 0 ? file : file.slice(0, slash + 1))
  );
}
