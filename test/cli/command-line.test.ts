import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { readCommandLine } from "../../src/cli/command-line.ts";
import { UserError } from "../../src/errors.ts";
import { NAME } from "../../src/version.ts";

const refusal = (...argv: string[]) => {
  try {
    readCommandLine(argv);
  } catch (thrown) {
    if (thrown instanceof UserError) return `${thrown.message} ${thrown.hint}`;
    throw thrown;
  }
  return undefined;
};
const flagsOf = (...argv: string[]) => readCommandLine(argv).flags.map(({ key, text }) => [key, text]);

test("options end where the server begins; the rest belongs to the server", () => {
  const { flags, server } = readCommandLine([
    "--port",
    "1",
    "./server.js",
    "--help",
    "--port",
    "2",
    "--",
    "-x",
  ]);
  expect(flags).toEqual([{ key: "port", from: "--port", text: "1" }]);
  expect(server).toEqual({
    command: "./server.js",
    args: ["--help", "--port", "2", "--", "-x"],
    literal: false,
  });
});

test("everything after -- is the command, taken literally", () => {
  expect(readCommandLine(["--json", "--", "grants", "--", "--json"]).server).toEqual({
    command: "grants",
    args: ["--", "--json"],
    literal: true,
  });
});

test("values may follow a space, an equals sign or a short flag", () => {
  expect(flagsOf("--port", "1", "x")).toEqual([["port", "1"]]);
  expect(flagsOf("--port=1", "x")).toEqual([["port", "1"]]);
  expect(flagsOf("-p", "1", "x")).toEqual([["port", "1"]]);
  expect(flagsOf("-p1", "x")).toEqual([["port", "1"]]);
  expect(flagsOf("--token=-a=b", "x")).toEqual([["token", "-a=b"]]);
});

test("repeatable options keep every value, in order", () => {
  expect(flagsOf("--env", "A=1", "--env=B=2=3", "x")).toEqual([
    ["env", "A=1"],
    ["env", "B=2=3"],
  ]);
});

test("the word behind a bare --watch is the server; a glob follows an equals sign", () => {
  expect(readCommandLine(["--watch", "./server.js", "--watch=x"])).toEqual({
    command: "run",
    flags: [{ key: "watch", from: "--watch", text: "true" }],
    args: [],
    server: { command: "./server.js", args: ["--watch=x"], literal: false },
  });
  expect(flagsOf("--watch=src/**/*.ts", "--watch=*.json", "--watch", "--port", "1", "x")).toEqual([
    ["watch", "src/**/*.ts"],
    ["watch", "*.json"],
    ["watch", "true"],
    ["port", "1"],
  ]);
  expect(readCommandLine(["--watch", "--", "npx", "x"]).server?.command).toBe("npx");
});

test.each([
  [["--prot", "1", "x"], `Unknown option "--prot". Did you mean --port?`],
  [["--publicurl", "x"], `Unknown option "--publicurl". Did you mean --public-url?`],
  [["--verb", "x"], `Unknown option "--verb". Did you mean --verbose?`],
  [["--no-json", "x"], `Unknown option "--no-json".`],
  [["-x", "y"], `Unknown option "-x".`],
  [["--__proto__", "x"], `Unknown option "--__proto__".`],
  [["--constructor=1", "x"], `Unknown option "--constructor".`],
  [["--port"], "--port needs a value."],
  [["--port="], "--port needs a value."],
  [["--port", "--json", "x"], "--port needs a value."],
  [["--port", "--", "x"], "--port needs a value."],
  [["--port", "1", "-p", "2", "x"], "-p is given twice."],
  [["--watch=", "x"], "--watch needs a value. Write a glob"],
  [["--watch", "src/**/*.ts", "x"], "--watch takes its glob behind \"=\". Use --watch='src/**/*.ts'"],
  [["--json=no", "x"], "--json takes no value."],
  [["--all", "x"], `--all is not an option of ${NAME} run.`],
  [["grants", "list", "--port", "1"], `--port is not an option of ${NAME} grants.`],
])("%j is refused in a clear line", (argv, line) => {
  expect(refusal(...argv)).toStartWith(line);
});

test.each(["--inspect", "--record"])("%s is unknown as long as it does nothing", (flag) => {
  expect(refusal(flag, "x", "y")).toContain(`Unknown option "${flag}"`);
});

test("--no-inspect is accepted", () => {
  expect(refusal("--no-inspect", "x")).toBeUndefined();
});

test("an unknown option's value is not shown", () => {
  expect(refusal("--tokn=verysecret", "x")).not.toContain("verysecret");
});

test("a command's options may stand before, between and after its arguments", () => {
  const line = readCommandLine(["--store", "a.db", "grants", "--json", "revoke", "--all"]);
  expect(line.command).toBe("grants");
  expect(line.args).toEqual(["revoke"]);
  expect(line.flags.map(({ key }) => key)).toEqual(["store", "json", "all"]);
});

test("help is given even if the rest of the line is wrong", () => {
  expect(flagsOf("--port", "--bogus", "-h")).toEqual([["help", "1"]]);
});

test("any command line is parsed or refused with a message, and the server's arguments are never changed", () => {
  const word = fc.oneof(
    fc.constantFrom("--port", "-p", "--json", "--", "-", "--env", "grants", "--help", "--=", "-=", ""),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), fc.array(word, { maxLength: 6 }), (before, after) => {
      expect(readCommandLine(["--json", "./s.js", ...after]).server?.args).toEqual(after);
      refusal(...before);
    }),
  );
});
