// Which commands lead to one server, and which to two: a grant for one must not open the other.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CommandSpec, resolveCommand } from "../../src/child/command.ts";
import { fingerprintCommand, fingerprintPlace } from "../../src/child/identity.ts";

let folder: string;
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "mcp-expose-identity-")));
  for (const name of ["here", "there", "tools", "here/venv", "there/venv"]) mkdirSync(join(folder, name));
  const runners =
    "bun node deno npx npm uvx uv python3 python3.12 docker my-server other-tool env sh ssh ruby mcp-proxy".split(
      " ",
    );
  for (const name of [
    ...runners.map((runner) => `tools/${runner}`),
    "here/run.sh",
    "here/venv/python3",
    "there/venv/python3",
    "here/venv/env",
    "here/venv/fastmcp",
  ]) {
    writeFileSync(join(folder, name), "#!/bin/sh\n");
    chmodSync(join(folder, name), 0o755);
  }
  for (const name of ["a.js", "b.js", "a.py", "b.py", "data.json", "program-a", "program-b", "module"]) {
    for (const place of ["here", "there"]) writeFileSync(join(folder, place, name), "");
  }
  symlinkSync(join(folder, "here"), join(folder, "link"));
  symlinkSync(join(folder, "here/a.js"), join(folder, "here/linked.js"));
  // One program that acts by the name it is called by, such as busybox or what a snap installs.
  for (const name of ["server-a", "server-b"])
    symlinkSync(join(folder, "here/run.sh"), join(folder, "here", name));
  for (const name of ["here/one", "here/two"]) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "package.json"), JSON.stringify({ main: "../a.js" }));
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Typed {
  line: string;
  /** Where the person stands. */
  stands?: string;
  /** `--cwd` */
  cwd?: string;
  /** The folder of the config file that names the server. */
  config?: string;
  literal?: boolean;
  shell?: boolean;
}

function identify({ line, config, stands = config ?? "here", cwd = stands, ...how }: Typed): string {
  const { literal = false, shell = false } = how;
  const [command = "", ...args] = line.split(" ");
  const spec: CommandSpec = { command, args, folder: join(folder, stands), literal, shell };
  const around = { env: { PATH: join(folder, "tools") }, execPath: "/ourselves", platform: "linux" } as const;
  const folders = { home: join(folder, config ?? cwd), cwd: join(folder, cwd) };
  return fingerprintPlace(spec, resolveCommand(spec, around).target, folders);
}

const typed = (one: string | Typed): Typed => (typeof one === "string" ? { line: one } : one);

describe("found 2: one server, whose grants stay,", () => {
  const same: [one: string | Typed, other: string | Typed][] = [
    ["./a.js", "./a.js --verbose --root /tmp x"],
    ["./a.js", "a.js y"],
    ["./a.js", "./linked.js"],
    ["./a.js", "node a.js x"],
    ["node a.js", "bun ./a.js --flag"],
    ["python3 a.py", "python3.12 -u a.py x"],
    ["python3 a.py", "./venv/python3 a.py"],
    ["./run.sh x", { line: "./run.sh y z", literal: true }],
    ["npx -y some-server .", "npx some-server@1.2.3 /tmp --flag"],
    ["npx -y @acme/files@latest .", "npx --yes @acme/files"],
    ["uvx some-server", "uvx some-server==1.2 --local-timezone=UTC"],
    ["docker run -i --rm -e KEY=1 mcp/time", "docker run --rm -it -e KEY=2 --name x mcp/time"],
    ["my-server", "my-server --verbose"],
    ["my-server", "my-server --port 8080"],
    ["my-server --port 8080 --root /tmp", "my-server --root /srv --port 8081"],
    ["my-server", "my-server --settings data.json"],
    ["my-server run --port 1", "my-server run --port 2"],
    ["my-server", { line: "../tools/my-server --port 8080", literal: true }],
    ["node a.js", "node --inspect --max-old-space-size=4096 a.js"],
    ["node a.js", "node --import ./b.js a.js"],
    ["python3 -X dev a.py", "uv run --python 3.12 a.py"],
    ["./venv/python3 -m server", "./venv/python3 -m server --port 8080"],
    ["uv run server", "uv run server --port 8080"],
    ["./venv/python3 -m server", "./venv/python3 -u -m server --verbose"],
    ["uv run server", "uv run server --verbose"],
    [
      { line: "./run.sh", stands: "here" },
      { line: "./run.sh", stands: "link", cwd: "here" },
    ],
    [{ line: "./a.js" }, { line: "./a.js", stands: "link" }],
    [{ line: "npx -y some-server" }, { line: "npx -y some-server", stands: "there", cwd: "here" }],
    [
      { line: "./a.js", config: "here" },
      { line: "./a.js", config: "here", cwd: "there" },
    ],
    [{ line: "node a.js" }, { line: "node a.js", config: "here" }],
  ];
  test.each(same)("is %j and %j", (one, other) => {
    expect(identify(typed(one))).toBe(identify(typed(other)));
  });
});

describe("found 2: two servers are", () => {
  const others: [one: string | Typed, other: string | Typed][] = [
    ["npx -y server-filesystem .", { line: "npx -y server-filesystem .", stands: "there" }],
    ["npx -y server-filesystem .", { line: "npx -y server-filesystem .", cwd: "there" }],
    ["./a.js", "./b.js"],
    ["node a.js", "node b.js"],
    ["node --import ./x.js a.js", "node --import ./x.js b.js"],
    ["node -e 1", "node -e 2"],
    [
      { line: "node a.js", cwd: "here" },
      { line: "node a.js", cwd: "there" },
    ],
    ["python3 -m one", "python3 -m two"],
    ["./venv/python3 a.py", "./venv/python3 b.py"],
    ["uv run a.py", "uv run b.py"],
    ["uv run mcp run a.py", "uv run mcp run b.py"],
    ["uv --directory /one run a.py", "uv --directory /two run a.py"],
    ["npx -y one", "npx -y two"],
    ["npx -y @one/server", "npx -y @two/server"],
    ["npx -y one@npm:two", "npx -y one"],
    ["npx -y -p one server", "npx -y -p two server"],
    ["npx --package=one server", "npx --package=two server"],
    ["npx --unheard-of one a", "npx --unheard-of one b"],
    ["npx -y mcp-remote https://one.example/mcp", "npx -y mcp-remote https://two.example/mcp"],
    ["npx -y unheard-of-bridge https://one.example/mcp", "npx -y unheard-of-bridge https://two.example/mcp"],
    ["npx -y @smithery/cli@latest run one", "npx -y @smithery/cli@latest run two"],
    ["npx tsx a.js", "npx tsx b.js"],
    ["npm exec -- one", "npm exec -- two"],
    ["uvx --from one run", "uvx --from two run"],
    ["docker run -i one/image", "docker run -i two/image"],
    ["docker run -i python:3 one.py", "docker run -i python:3 two.py"],
    ["docker run -i -v /one:/data image", "docker run -i -v /two:/data image"],
    ["docker exec -i one server", "docker exec -i two server"],
    ["my-server", "other-tool"],
    ["other-tool run one", "other-tool run two"],
    ["other-tool program-a", "other-tool program-b"],
    ["other-tool -- one", "other-tool -- two"],
    ["other-tool https://one.example", "other-tool https://two.example"],
    ["other-tool npx one", "other-tool npx two"],
    ["mcp-proxy one", "mcp-proxy two"],
    ["env one", "env two"],
    ["./venv/env one", "./venv/env two"],
    ["./venv/fastmcp run one", "./venv/fastmcp run two"],
    ["../tools/docker exec -i one", "../tools/docker exec -i two"],
    ["ssh host one", "ssh host two"],
    ["ruby program-a", "ruby program-b"],
    ["sh program-a", "sh program-b"],
    ["./venv/python3 -m mcp run a.py", "./venv/python3 -m mcp run b.py"],
    ["./venv/python3 -m module", "../there/venv/python3 -m module"],
    ["deno run -r a.js b.js", "deno run -r b.js b.js"],
    ["node --env-file data.json a.js", "node --env-file data.json b.js"],
    ["node -e 1 a.js", "node -e 2 a.js"],
    [
      { line: "npx one", config: "here" },
      { line: "npx one", config: "here", cwd: "there" },
    ],
    [
      { line: "node a.js", config: "here" },
      { line: "node a.js", config: "here", cwd: "there" },
    ],
    [
      { line: "./a.js", config: "here" },
      { line: "../here/a.js", config: "there" },
    ],
    [
      { line: "npx one", shell: true, cwd: "here" },
      { line: "npx one", shell: true, cwd: "there" },
    ],
    ["./venv/python3 -m server", "python3 -m server"],
    ["./venv/python3 -m server", "../there/venv/python3 -m server"],
    ["./venv/python3 -c server", "../there/venv/python3 -c server"],
    ["./venv/python3 server", "../there/venv/python3 server"],
    ["uv run server", "bun run server"],
    ["uv run server", "deno run server"],
    ["bun run start", "deno run start"],
    ["./server-a", "./server-b"],
    ["npx bun a.js", "npx bun b.js"],
    ["npx -y deno run one", "npx -y deno run two"],
    ["npx -y vite-node one", "npx -y vite-node two"],
    ["npx -y ts-node-dev one", "npx -y ts-node-dev two"],
    ["npx -y env-cmd one", "npx -y env-cmd two"],
    ["npx -y @dotenvx/dotenvx run -- one", "npx -y @dotenvx/dotenvx run -- two"],
    ["npx -y unheard-of a.js", "npx -y unheard-of b.js"],
    ["npx -y unheard-of ./gone/a.ts", "npx -y unheard-of ./gone/b.ts"],
    ["npx -y unheard-of node one", "npx -y unheard-of node two"],
    ["npx -y unheard-of -- one", "npx -y unheard-of -- two"],
    ["./one", "./two"],
    [
      { line: "npx one", shell: true },
      { line: "npx two", shell: true },
    ],
  ];
  test.each(others)("%j and %j", (one, other) => {
    expect(identify(typed(one))).not.toBe(identify(typed(other)));
  });
});

test("the command differs with its arguments, their order and its interpreter, and in nothing else", () => {
  const lines: [file: string, args: string[]][] = [
    ["/bin/node", ["a.js"]],
    ["/bin/bun", ["a.js"]],
    ["/bin/node", ["a.js", "--port", "1"]],
    ["/bin/node", ["a.js", "1", "--port"]],
    ["/bin/node", ["a.js --port", "1"]],
  ];
  const all = lines.map(([file, args]) => fingerprintCommand({ file, args }));
  expect(new Set(all).size).toBe(lines.length);
  expect(fingerprintCommand({ file: "/bin/node", args: ["a.js"] })).toBe(all[0]!);
});
