import { describe, expect, test } from "bun:test";
import { chmod, rm } from "node:fs/promises";
import { join } from "node:path";
import { flagName } from "../../src/config/option.ts";
import { optionsOf } from "../../src/config/options.ts";
import { VERSION } from "../../src/version.ts";
import { createFolder, type RunOptions, runOnTerminal, runProgram } from "./process.ts";

/** Refused like this: status 2, nothing on stdout, a line for people and no stack. */
async function expectRefusal(args: string[], line: RegExp, options: RunOptions = {}) {
  const { status, stdout, stderr } = await runProgram(args, options);
  expect(stderr).toMatch(line);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stderr.split("\n").length).toBeLessThanOrEqual(3);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
}

describe("help", () => {
  test.each([
    ["--help", "run"],
    ["grants --help", "grants"],
    ["hash-password -h", "hash-password"],
  ] as const)("%s has examples first, and one option a line of 80 columns", async (line, command) => {
    const { status, stdout, stderr } = await runProgram(line.split(" "));
    const lines = stdout.trimEnd().split("\n");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(lines.filter((each) => each.length > 80)).toEqual([]);
    expect(stdout.indexOf("  mcp-expose ")).toBeLessThan(stdout.indexOf("Usage:"));
    const options = lines.filter((each) => /^ {2}-/.test(each));
    const flags = options.map(
      (each) => /^ {2}(?:-\w, )?--([a-z-]+)(?: \S+|\[=[A-Z]+\])? {2}/.exec(each)?.[1] ?? each,
    );
    const shown = optionsOf(command).filter(([, { group }]) => group !== undefined);
    expect(flags).toEqual(shown.map(([key]) => flagName(key)));
  });

  test("defaults, choices and repeatable options come from the table", async () => {
    const { stdout } = await runProgram(["--help"]);
    const help = stdout.replace(/\s+/g, " ");
    expect(help).toContain("--max-body SIZE Largest request body [32mb]");
    expect(help).toContain(
      "Lifetime of access tokens [24h] --refresh-ttl DURATION Lifetime of refresh tokens [90d]",
    );
    expect(help).toContain(": client, session, shared [client]");
    expect(help).toContain("--env NAME=VALUE Environment variable for the server (repeatable) --");
  });

  test("no option without an effect is shown", async () => {
    const { stdout } = await runProgram(["--help"]);
    expect(stdout).not.toMatch(/no-inspect|--inspect|--record|postgres|NGROK_SERVER/);
  });

  test("without a server the usage goes to stderr, with status 2", async () => {
    const { status, stdout, stderr } = await runProgram([]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("There is no server to run.");
    expect(stderr).toContain("Usage: mcp-expose [options] <server>");
  });

  test.each(["--version", "version"])("%s prints the version", async (word) => {
    expect(await runProgram([word])).toEqual({ status: 0, stdout: `${VERSION}\n`, stderr: "" });
  });

  test.each([
    ["help", "--help"],
    ["help grants", "grants --help"],
    ["help hash-password", "hash-password --help"],
  ])("found 30: %s says what %s says", async (words, flag) => {
    const said = await runProgram(words.split(" "));
    expect(said).toEqual(await runProgram(flag.split(" ")));
    expect(said.status).toBe(0);
  });
});

describe("bad input", () => {
  test("an unknown flag comes with a suggestion", () =>
    expectRefusal(["--tunel", "none", "./x.js"], /Unknown option "--tunel"\.\n {2}Did you mean --tunnel\?/));

  test("a script that waits for a first line gets it for every mistake", async () => {
    for (const args of [["--json", "--tunel", "none", "./x.js"], ["--json"], ["./x.js", "--json"]]) {
      const { status, stdout } = await runProgram(args);
      const [first = ""] = stdout.split("\n");
      expect(JSON.parse(first)).toMatchObject({ event: "failed", reason: expect.any(String) });
      expect(status).toBe(2);
    }
  });

  test("a URL is not taken for a file", () =>
    expectRefusal(["http://localhost:3000/mcp"], /"http:\/\/localhost:3000\/mcp" is a URL/));

  test("a wrong value names its flag", () =>
    expectRefusal(["--port", "abc", "./x.js"], /--port: "abc" is not a port number/));

  test("a wrong choice is answered with the known ones", () =>
    expectRefusal(
      ["--tunnel", "ngork", "./x.js"],
      /--tunnel: "ngork" is not a known value\.\n {2}Use ngrok, cloudflared, tailscale or none\./,
    ));

  test("a wrong variable names the variable", () =>
    expectRefusal(["./x.js"], /MCP_EXPOSE_PORT: "99999" is not/, { env: { MCP_EXPOSE_PORT: "99999" } }));

  test("a wrong value in the config file names file and key", async () => {
    await using folder = await createFolder();
    await folder.write("mcp-oauth.config.json", '{ "port": "abc" }');
    await expectRefusal(["./x.js"], /port in mcp-oauth\.config\.json: "abc" is not a port number/, {
      cwd: folder.path,
    });
  });

  test("a mistake in the config file is reported with its line", async () => {
    await using folder = await createFolder();
    await folder.write("mcp-oauth.config.ts", "export default {\n  port: ,\n};\n");
    await expectRefusal(["./x.js"], /mcp-oauth\.config\.ts:2:\d+ cannot be loaded: Unexpected ,/, {
      cwd: folder.path,
    });
  });

  test("an open door to the internet has to be confirmed", () =>
    expectRefusal(
      ["--auth", "none", "--public-url", "https://a.example", "./x.js"],
      /--auth none would let everyone.*\n {2}Add --yes-public/,
    ));

  test("a user without a password, and without a terminal to ask on, is refused", () =>
    expectRefusal(["--tunnel", "none", "--user", "alice", "./x.js"], /no password for user "alice"/));

  test.each(["grants", "grants lsit", "grants constructor", "grants revoke", "grants list x"])(
    "%s is refused",
    (line) => expectRefusal(line.split(" "), /grants/),
  );

  test("grants of a store that does not exist is refused, and makes none", async () => {
    await using folder = await createFolder();
    const store = join(folder.path, "nothing.db");
    await expectRefusal(["grants", "list", "--store", store], /There is no store/);
    expect(await Bun.file(store).exists()).toBeFalse();
  });
});

describe("found 30: the name of a command", () => {
  /** Each is a program on PATH, which leaves a file when it runs. */
  async function withPrograms(names: readonly string[]) {
    const folder = await createFolder();
    for (const name of names) {
      await folder.write(name, `#!/bin/sh\necho ran > "${folder.path}/ran-$(basename "$0")"\n`);
      await chmod(join(folder.path, name), 0o755);
    }
    const env = { PATH: `${folder.path}:${process.env["PATH"]}` };
    const hasRun = (name: string) => Bun.file(join(folder.path, `ran-${name}`)).exists();
    return { folder, env, hasRun, [Symbol.asyncDispose]: folder[Symbol.asyncDispose] };
  }

  test.each(["init", "check", "grant", "completion"])(
    "%s is never run as a program from PATH, except with -- or ./",
    async (word) => {
      await using programs = await withPrograms([word]);
      const { env, hasRun, folder } = programs;
      const words = ["--tunnel", "none", "--port", "0"];
      const refused = await runProgram([...words, word, "list"], { env });
      expect(refused.stderr).toStartWith(`mcp-expose: "${word}" is not a command of mcp-expose`);
      expect(refused.stderr).toContain(`To run a program of that name: mcp-expose -- ${word}`);
      expect([refused.status, await hasRun(word)]).toEqual([2, false]);
      await runProgram([...words, "--", word], { env });
      expect(await hasRun(word)).toBeTrue();
      await rm(join(folder.path, `ran-${word}`));
      await runProgram([...words, `./${word}`], { cwd: folder.path });
      expect(await hasRun(word)).toBeTrue();
    },
  );

  test.each([
    ["help", ["Usage: mcp-expose"]],
    ["version", [VERSION]],
  ])("%s is not a program either", async (word, [said]) => {
    await using programs = await withPrograms([word]);
    const { stdout, status } = await runProgram([word], { env: programs.env });
    expect(stdout).toContain(said!);
    expect([status, await programs.hasRun(word)]).toEqual([0, false]);
  });

  test.each([
    ["grnats list", "mcp-expose grants"],
    ["hash-pasword bob", "mcp-expose hash-password"],
    ["hlep", "mcp-expose help"],
    ["help grant", "mcp-expose grants --help"],
  ])("%s is refused with a suggestion", (line, meant) =>
    expectRefusal(line.split(" "), new RegExp(`Did you mean "${meant}"\\?`)),
  );
});

describe("found 31: our options after the server", () => {
  const SERVER = ["--tunnel", "none", "--port", "0", "--store", "memory", "--", "true"];
  const linesOf = async (words: string[]) => (await runProgram(words)).stderr.split("\n");

  test("are pointed out in one line", async () => {
    const words = ["--user", "ann", "--port=1", "--own", "--user", "--", "--token"];
    const before = SERVER.slice(0, -2);
    expect(await linesOf([...before, "true", ...words])).toContain(
      "· --user and --port went to the server; options of mcp-expose come before it.",
    );
    expect(await linesOf([...before, "true", "--token", "x"])).toContain(
      "· --token went to the server; options of mcp-expose come before it.",
    );
  });

  test("are not pointed out when there are none or when -- comes before them", async () => {
    for (const words of [SERVER, [...SERVER, "--user", "ann"], [...SERVER.slice(0, -2), "true", "--own"]])
      expect((await linesOf(words)).join("\n")).not.toContain("went to the server");
  });
});

describe("hash-password", () => {
  test("takes a line from a pipe and prints the hash alone on stdout", async () => {
    const { status, stdout, stderr } = await runProgram(["hash-password", "bob"], {
      stdin: "s3cret\nmore\n",
    });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$\S+\n$/);
    expect(await Bun.password.verify("s3cret", stdout.trim())).toBeTrue();
    expect(stderr).toContain(`{ name: "bob", passwordHash: "${stdout.trim()}" }`);
  });

  test("refuses an empty password", () => expectRefusal(["hash-password"], /The password is empty/));

  test("asks twice on a terminal and shows nothing of what is typed", async () => {
    const { screen, status } = await runOnTerminal(
      ["hash-password", "bob"],
      [
        ["Password: ", "hidx\x7fden\x1b[A\r"],
        ["again: ", "hidden\r"],
      ],
    );
    const hash = /\$argon2id\S+(?=\r\n$)/.exec(screen)?.[0] ?? "";
    expect(status).toBe(0);
    expect(screen).not.toContain("hid");
    expect(await Bun.password.verify("hidden", hash)).toBeTrue();
  });

  test("refuses two passwords that differ", async () => {
    const { screen, status } = await runOnTerminal(
      ["hash-password"],
      [
        ["Password: ", "one\r"],
        ["again: ", "two\r"],
      ],
    );
    expect(screen).toContain("The two passwords differ.");
    expect(status).toBe(2);
  });

  test("Ctrl+C while asking ends the program like any other", async () => {
    const { signal } = await runOnTerminal(["hash-password"], [["Password: ", "abc\x03"]]);
    expect(signal).toBe("SIGINT");
  });
});
