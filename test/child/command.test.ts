// Every kind of <server> a person may type, and what is started for it. Nothing is started here.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resolveCommand, type CommandSpec, type CommandEnvironment } from "../../src/child/command.ts";
import { UserError } from "../../src/errors.ts";

/** Bun does not read the .env of its folder. */
const NO_ENV_FILE = "--env-file=/dev/null";

let folder: string;
const at = (name: string) => join(folder, name);
const put = (name: string, text = "", mode = 0o644) => {
  mkdirSync(join(at(name), ".."), { recursive: true });
  writeFileSync(at(name), text);
  chmodSync(at(name), mode);
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mcp-expose-command-"));
  for (const name of ["bun", "node", "uv", "python3", "npx"]) {
    put(`bin-${name}/${name}`, "#!/bin/sh\n", 0o755);
    put(`bin/${name}`, "#!/bin/sh\n", 0o755);
  }
  for (const name of [
    "server.js",
    "server.mjs",
    "server.cjs",
    "server.ts",
    "server.mts",
    "server.py",
    "notes.txt",
  ])
    put(name);
  put("server.sh", "#!/bin/sh\n", 0o755);
  put("my server's.js");
});
afterAll(() => rmSync(folder, { recursive: true }));

/** @param tools which programs PATH leads to */
function resolve(
  spec: Partial<CommandSpec>,
  tools: readonly string[] = [""],
  platform: NodeJS.Platform = "linux",
) {
  const PATH = tools.map((tool) => at(tool === "" ? "bin" : `bin-${tool}`)).join(":");
  const around: CommandEnvironment = { env: { PATH }, execPath: "/ourselves", platform };
  const { file, args, env } = resolveCommand(
    { command: "", args: [], folder, literal: false, shell: false, ...spec },
    around,
  );
  return { argv: [file, ...args], env };
}

function refusal(spec: Partial<CommandSpec>, tools?: readonly string[]): UserError {
  try {
    resolve(spec, tools);
  } catch (thrown) {
    if (thrown instanceof UserError) return thrown;
  }
  throw new Error("it was not refused");
}

describe("a script", () => {
  test.each(["js", "mjs", "cjs", "ts", "mts"])(
    "ending in .%s runs with Bun, its arguments untouched",
    (ending) => {
      const { argv } = resolve({ command: `./server.${ending}`, args: ["--help", "a b", ""] });
      expect(argv).toEqual([at("bin/bun"), NO_ENV_FILE, at(`server.${ending}`), "--help", "a b", ""]);
    },
  );

  test("runs with Node where there is no Bun; TypeScript, and all where there is neither, with ourselves", () => {
    expect(resolve({ command: "server.js" }, ["node"]).argv).toEqual([at("bin-node/node"), at("server.js")]);
    const ourselves = { argv: ["/ourselves", NO_ENV_FILE, at("server.ts")], env: { BUN_BE_BUN: "1" } };
    expect(resolve({ command: "server.ts" }, ["node"])).toEqual(ourselves);
    const script = ["/ourselves", NO_ENV_FILE, at("server.js")];
    expect(resolve({ command: "server.js" }, ["npx"]).argv).toEqual(script);
  });

  test("ending in .py runs with uv, else unbuffered with python3, else not", () => {
    expect(resolve({ command: "server.py" }).argv).toEqual([at("bin/uv"), "run", at("server.py")]);
    expect(resolve({ command: "server.py" }, ["python3"]).argv).toEqual([
      at("bin-python3/python3"),
      "-u",
      at("server.py"),
    ]);
    expect(refusal({ command: "server.py" }, ["node"]).message).toContain("Python");
  });

  test("may have a name that a shell would trip over", () => {
    expect(resolve({ command: "my server's.js" }).argv.at(-1)).toBe(at("my server's.js"));
  });
});

describe("a file or a folder", () => {
  test("an executable file runs as it is; another is refused with what to do", () => {
    expect(resolve({ command: "./server.sh", args: ["x"] }).argv).toEqual([at("server.sh"), "x"]);
    const { message, hint, exitCode } = refusal({ command: "./notes.txt" });
    expect(message).toContain(`notes.txt" is not executable`);
    expect([hint?.includes("chmod +x"), exitCode]).toEqual([true, 2]);
  });

  test.each([
    ["a bin", { bin: "run.js", main: "other.js" }, "run.js"],
    ["several bins, of which the first counts", { bin: { one: "run.js", two: "other.js" } }, "run.js"],
    ["a main", { main: "./run.js" }, "run.js"],
  ])("a folder runs what its package.json names: %s", (name, manifest, entry) => {
    put(`${name}/package.json`, JSON.stringify(manifest));
    put(`${name}/run.js`);
    const argv = [at("bin/bun"), NO_ENV_FILE, at(`${name}/${entry}`)];
    expect(resolve({ command: `./${name}` }).argv).toEqual(argv);
  });

  test("found 29: the current folder runs by a dot, and one in it by its bare name", () => {
    put("weather-service/package.json", JSON.stringify({ bin: "run.js" }));
    put("weather-service/run.js");
    const argv = [at("bin/bun"), NO_ENV_FILE, at("weather-service/run.js"), "x"];
    for (const [command, folder] of [
      [".", at("weather-service")],
      ["..", at("weather-service/src")],
      ["weather-service", at("")],
      ["weather-service/", at("")],
    ] as const)
      expect(resolve({ command, folder, args: ["x"] }).argv).toEqual(argv);
    expect(refusal({ command: ".", folder: at("bin") }).message).toContain("package.json");
  });

  test("found 29: a folder is no match for a command on PATH, nor for what stands behind --", () => {
    put("npx/package.json", JSON.stringify({ bin: "run.js" }));
    put("npx/run.js");
    expect(resolve({ command: "npx" }).argv).toEqual([at("bin/npx")]);
    put("alone/package.json", JSON.stringify({ bin: "run.js" }));
    expect(refusal({ command: "alone", literal: true }).message).toContain("on PATH");
  });

  test("a folder without an entry, or with one that is not built, is refused", () => {
    put("bare/readme.txt");
    put("broken/package.json", "{");
    put("unbuilt/package.json", JSON.stringify({ main: "dist/index.js" }));
    for (const command of ["./bare", "./broken"])
      expect(refusal({ command }).message).toContain("package.json");
    expect(refusal({ command: "./unbuilt" }).message).toContain('"dist/index.js", which does not exist');
  });

  test("one that is not there is refused; a neighbour of the same name is suggested", () => {
    expect(refusal({ command: "./nothing.js" })).toMatchObject({ exitCode: 2 });
    expect(refusal({ command: "./nothing.js" }).message).toContain('"./nothing.js"');
    expect(refusal({ command: "./notes.js" }).hint).not.toContain("notes.txt");
    put("only.ts");
    expect(refusal({ command: "./only.js" }).hint).toContain('"./only.ts"');
  });
});

describe("anything else", () => {
  test("is a command on PATH", () => {
    const { argv } = resolve({ command: "npx", args: ["-y", "some-server", "--port", "1"] });
    expect(argv).toEqual([at("bin/npx"), "-y", "some-server", "--port", "1"]);
  });

  test("that is not there is refused; a file of that name here is suggested", () => {
    const { message, exitCode } = refusal({ command: "no-such-command" });
    expect([message, exitCode]).toEqual(['There is no command "no-such-command" on PATH.', 2]);
    expect(refusal({ command: "notes" }).hint).not.toContain("./notes");
    put("mine", "#!/bin/sh\n", 0o755);
    expect(refusal({ command: "mine" }).hint).toBe('Did you mean "./mine"?');
  });

  test("behind -- runs as it is, whatever it looks like", () => {
    expect(resolve({ command: "./server.sh", literal: true }).argv).toEqual([at("server.sh")]);
    expect(refusal({ command: "server.js", literal: true }).message).toContain("on PATH");
  });

  test("with --shell is one line for the shell", () => {
    const spec = { command: "FOO=1 npx", args: ["thing", "| tee log"], shell: true };
    expect(resolve(spec).argv).toEqual(["/bin/sh", "-c", "FOO=1 npx thing | tee log"]);
    expect(resolve(spec, [""], "win32").argv).toEqual([
      "cmd.exe",
      "/d",
      "/s",
      "/c",
      "FOO=1 npx thing | tee log",
    ]);
  });
});

test.each([
  [["npx", "-y", "@acme/server-files@1.2", "/tmp"], "server-files"],
  [["npx", "-y", "some-server@latest"], "some-server"],
  [["uvx", "mcp-server-time"], "mcp-server-time"],
  [["docker", "run", "-i", "mcp/time:1"], "time"],
  [["./weather/dist/index.js"], "weather"],
  [["./my-server.py", "--flag"], "my-server"],
  [["uv", "run", "weather/server.py"], "weather"],
  [["my-tool"], "my-tool"],
])("people are told of %j as %s", ([command = "", ...args], name) => {
  for (const tool of ["uvx", "docker", "my-tool"]) put(`bin/${tool}`, "", 0o755);
  put("weather/dist/index.js");
  put("my-server.py");
  const spec = { command, args, folder, literal: false, shell: false };
  const resolved = resolveCommand(spec, {
    env: { PATH: at("bin") },
    execPath: "/ourselves",
    platform: "linux",
  });
  expect(resolved.name).toBe(name);
});

test("a script behind a runner that says nothing by its name is called what its folder is", () => {
  put("weather/server.js");
  const spec = { command: "node", args: ["server.js"], folder: at("weather"), literal: true, shell: false };
  put("bin/node", "", 0o755);
  const resolved = resolveCommand(spec, {
    env: { PATH: at("bin") },
    execPath: "/ourselves",
    platform: "linux",
  });
  expect(resolved.name).toBe("weather");
});
