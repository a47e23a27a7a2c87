import { describe, expect, test } from "bun:test";
import {
  BadValue,
  bindAddress,
  type Kind,
  login,
  name,
  port,
  store,
  toggle,
  variable,
  watched,
} from "../../src/config/kinds.ts";
import { duration, size } from "../../src/config/quantities.ts";
import { endpointPath, hostName, origin, publicUrl, redirectUri } from "../../src/config/urls.ts";

/** What is read, or "refused". */
function read(kind: Kind<unknown>, text: string): unknown {
  try {
    const value = kind.read(text, "/here");
    return value === undefined ? "refused" : value instanceof URL ? value.href : value;
  } catch (thrown) {
    if (thrown instanceof BadValue) return "refused";
    throw thrown;
  }
}

const CASES: [name: string, kind: Kind<unknown>, accepted: Record<string, unknown>, refused: string[]][] = [
  [
    "port",
    port,
    { "0": 0, "8787": 8787, "65535": 65535 },
    ["65536", "-1", "1.5", "abc", "", "0x10", "1e3", " 1"],
  ],
  [
    "address",
    bindAddress,
    { "127.0.0.1": "127.0.0.1", "::1": "::1", "[::1]": "::1", localhost: "localhost", "0.0.0.0": "0.0.0.0" },
    ["", "127.0.0.1:80", "http://x", "999.1.1.1", "a b", "-x"],
  ],
  [
    "glob",
    watched,
    {
      true: true,
      "1": true,
      "0": false,
      "src/**/*.ts": { pattern: "src/**/*.ts", folder: "/here" },
      "../{a,b}/*": { pattern: "../{a,b}/*", folder: "/here" },
    },
    ["", " ", "!src/**", "a\0b"],
  ],
  ["switch", toggle, { "1": true, TRUE: true, on: true, "0": false, no: false }, ["maybe", "2"]],
  [
    "duration",
    duration,
    { "30s": 30_000, "15m": 900_000, "24h": 86_400_000, "90d": 7_776_000_000, "2W": 1_209_600_000 },
    ["30", "0s", "1.5h", "-1s", "h", "4000d", "99999999999999999999d", "1 day"],
  ],
  [
    "size",
    size,
    { "1024": 1024, "10mb": 10_485_760, "10MiB": 10_485_760, "1.5k": 1536, "1 GB": 2 ** 30 },
    ["0", "-1", "10tb", "mb", "1e9", "8gb", "Infinity"],
  ],
  [
    "path",
    endpointPath,
    { "/mcp": "/mcp", "/mcp/": "/mcp", "/team/v1.2_x~": "/team/v1.2_x~" },
    [
      "",
      "/",
      "mcp",
      "//mcp",
      "/a//b",
      "/a/../b",
      "/.",
      "/a?b",
      "/a#b",
      "/a b",
      "/%41",
      "/é",
      "/token",
      "/sse/x",
      "/.well-known/a",
    ],
  ],
  [
    "public URL",
    publicUrl,
    {
      "https://a.example": "https://a.example/",
      "https://A.example:8443/mcp": "https://a.example:8443/mcp",
      "https://a.example.:443/": "https://a.example/",
      "http://127.0.0.1:1": "http://127.0.0.1:1/",
      "http://localhost:1/": "http://localhost:1/",
      "http://[::1]:1": "http://[::1]:1/",
    },
    [
      "a.example",
      "http://a.example",
      "http://127.evil.example",
      "https://u:p@a.example",
      "https://a.example?x",
      "https://a.example/#",
      "ftp://a.example",
      "https://",
      "https://a .example",
    ],
  ],
  [
    "origin",
    origin,
    {
      "https://a.example": "https://a.example",
      "HTTPS://A.example.:443": "https://a.example",
      "http://localhost:3000/": "http://localhost:3000",
    },
    ["*", "null", "a.example", "https://a.example/x", "https://a.example?x", "file:///x"],
  ],
  [
    "redirect URI",
    redirectUri,
    {
      "https://a.example/cb?x=1": "https://a.example/cb?x=1",
      "app.scheme:/cb": "app.scheme:/cb",
      "http://127.0.0.1/cb": "http://127.0.0.1/cb",
    },
    ["/cb", "https://a.example/cb#f", "http://a.example/cb", "javascript:alert(1)", "data:text/html,x"],
  ],
  [
    "host name",
    hostName,
    {
      "My-Name.ngrok-free.dev": "my-name.ngrok-free.dev",
      "claude.ai.": "claude.ai",
      "bücher.example": "xn--bcher-kva.example",
      "claude。ai": "claude.ai",
    },
    [
      "",
      "localhost",
      "https://a.example",
      "a.example/x",
      "a.example:80",
      "a.example\\x",
      "%61.example",
      "u@a.example",
      ".",
      "-a.example",
      "a..b",
      "1.2.3.4",
      `${"a".repeat(64)}.example`,
    ],
  ],
  [
    "store",
    store,
    { memory: "memory", "a/b.db": "/here/a/b.db", "/x.db": "/x.db" },
    ["", ":memory:", "postgres://h/db", "redis://h"],
  ],
  [
    "variable",
    variable,
    { "A=1": ["A", "1"], "A=": ["A", ""], "A=b=c": ["A", "b=c"] },
    ["A", "=1", "A B=1", "A=\0"],
  ],
  [
    "login",
    login,
    { alice: { name: "alice" }, "alice:p:w": { name: "alice", password: "p:w" } },
    ["", ":pw", "a b:pw", "alice:"],
  ],
  [
    "name",
    name,
    {
      files: "files",
      " My  files ": "My files",
      "e\u0301": "\u00e9",
      ["x".repeat(64)]: "x".repeat(64),
      "日本 🙂": "日本 🙂",
    },
    ["", "  ", "a\nb", "a\u001b[1mb", "a\u202eb", "a\u200bb", "x".repeat(65)],
  ],
];

describe.each(CASES)("a %s", (_, kind, accepted, refused) => {
  test.each(Object.entries(accepted))("may be %j", (text, value) => {
    expect(read(kind, text)).toEqual(value);
  });
  test.each(refused)("is not %j", (text) => {
    expect(read(kind, text)).toBe("refused");
  });
});
