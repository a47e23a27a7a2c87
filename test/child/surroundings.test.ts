// What a server is given to live in: environment, folder, stderr.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Program } from "../program.ts";
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

test("the folder is the one that was asked for, else the current one", async () => {
  expect((await session.call("cwd")).result?.["cwd"]).toBe(folder);
  await using here = await expose("obedient", [], { cwd: folder });
  expect((await (await openSession(here.ready.url)).call("cwd")).result?.["cwd"]).toBe(folder);
});

test("what it writes to stderr is shown under its name, secrets or not its own business", async () => {
  await session.call("stderr", { line: "Connected to the weather" });
  await until("the line", () => program.stderr().includes("obedient | Connected to the weather\n"));
});
