// What a server is given to live in: environment, folder, stderr.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { startProgram, type Program } from "../program.ts";
import { expose, openSession, until, type WireSession } from "../eras/wire.ts";

let folder: string;
let program: Program;
let session: WireSession;
beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "mcp-expose-around-")));
  writeFileSync(join(folder, "server.env"), 'FROM_FILE="from file"\nBOTH=file\nINHERITED=file\n');
  const words = ["--env", "GIVEN=a=b c", "--env", "BOTH=flag", "--env-file", join(folder, "server.env")];
  program = await expose("obedient", [...words, "--cwd", folder], {
    env: {
      INHERITED: "inherited",
      PASSED_ON: "yes",
      NGROK_AUTHTOKEN: "2abc_secret",
      MCP_EXPOSE_TOKEN: "a-secret-token",
      MCP_EXPOSE_PASSWORD: "a-secret-password",
    },
  });
  session = await openSession(program.ready.url);
});
afterAll(async () => {
  await program.stop();
  rmSync(folder, { recursive: true });
});

describe("the environment", () => {
  test.each([
    ["PASSED_ON", "yes"],
    ["GIVEN", "a=b c"],
    ["FROM_FILE", "from file"],
    ["BOTH", "flag"],
    ["INHERITED", "file"],
  ])("has %s as %j", async (name, value) => {
    expect((await session.call("env", { name })).result?.["value"]).toBe(value);
  });

  test("has no secret of ours, and nothing that is meant for us", async () => {
    const names = (await session.call("env", { name: "" })).result?.["names"] as string[];
    expect(names.filter((name) => /^(?:NGROK_AUTHTOKEN$|MCP_EXPOSE_)/.test(name))).toEqual([]);
  });
});

test.each([
  ["Bun", [], "obedient.ts"],
  ["our own binary, as Bun", ["no tools"], "obedient.ts"],
  ["Node", ["node"], "node-server.mjs"],
])("found 34: %s reads no .env beside the server, but what --env-file names", async (_, tools, server) => {
  const here = mkdtempSync(join(tmpdir(), "mcp-expose-dotenv-"));
  try {
    for (const name of [".env", ".env.local", "named.env"])
      writeFileSync(join(here, name), `FROM_${name === "named.env" ? "NAMED" : "FOLDER"}=1\n`);
    writeFileSync(join(here, "node-server.mjs"), NODE_SERVER);
    writeFileSync(join(here, "obedient.ts"), NODE_SERVER);
    for (const tool of tools.filter((name) => name === "node"))
      symlinkSync(Bun.which(tool)!, join(here, tool));
    const PATH = tools.length > 0 ? `${here}:/usr/sbin` : `${dirname(process.execPath)}:/usr/bin:/bin`;
    const words = ["--store", "memory", "--tunnel", "none", "--auth", "none", "--env-file", "named.env"];
    await using program = await startProgram([...words, `./${server}`], { cwd: here, env: { PATH } });
    await until("it has told", () => program.stderr().includes("| saw "));
    expect(program.stderr()).toContain('| saw {"FROM_NAMED":"1"}');
  } finally {
    rmSync(here, { recursive: true });
  }
});

test.each([".", "weather-service"])(
  "found 29: the folder %s is run, and gives the server its name",
  async (word) => {
    const parent = mkdtempSync(join(tmpdir(), "mcp-expose-folders-"));
    const here = join(parent, "weather-service");
    try {
      mkdirSync(here);
      writeFileSync(join(here, "package.json"), '{ "main": "run.mjs" }');
      writeFileSync(join(here, "run.mjs"), NODE_SERVER);
      const words = ["--store", "memory", "--tunnel", "none", "--auth", "none", word];
      await using program = await startProgram(words, { cwd: word === "." ? here : parent });
      expect(program.ready.server).toBe("weather-service");
    } finally {
      rmSync(parent, { recursive: true });
    }
  },
);

/** Tells on stderr what it finds in its environment, and answers anything. */
const NODE_SERVER = `
import { createInterface } from "node:readline";
const { FROM_FOLDER, FROM_NAMED } = process.env;
process.stderr.write("saw " + JSON.stringify({ FROM_FOLDER, FROM_NAMED }) + "\\n");
for await (const line of createInterface({ input: process.stdin })) {
  const { id } = JSON.parse(line);
  if (id !== undefined) console.log(JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32601, message: "Not that." } }));
}
`;

test("the folder is the one that was asked for, else the current one", async () => {
  expect((await session.call("cwd")).result?.["cwd"]).toBe(folder);
  await using here = await expose("obedient", [], { cwd: folder });
  expect((await (await openSession(here.ready.url)).call("cwd")).result?.["cwd"]).toBe(folder);
});

test("what it writes to stderr is shown under its name, secrets or not its own business", async () => {
  await session.call("stderr", { line: "Connected to the weather" });
  await until("the line", () => program.stderr().includes("obedient | Connected to the weather\n"));
});
