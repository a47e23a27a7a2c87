import { expect, test } from "bun:test";
import type { ConfigFile } from "../../src/config/define-config.ts";
import { mergeSettings, type SettingSources } from "../../src/config/merge.ts";
import { mayComeFrom, variableName } from "../../src/config/option.ts";
import { type OptionKey, optionsOf } from "../../src/config/options.ts";

const flag = (key: OptionKey, text: string) => ({ key, text, from: `--${key}` });
const file = (values: ConfigFile) => ({ name: "mcp-oauth.config.ts", folder: "/file", values });
const merge = (sources: Partial<SettingSources>) =>
  mergeSettings({ command: "run", flags: [], env: {}, cwd: "/here", ...sources });

test("flag wins over environment, environment over config file", () => {
  const flags = [flag("port", "1")];
  const env = { MCP_EXPOSE_PORT: "2" };
  expect(merge({ flags, env, file: file({ port: 3 }) }).port).toEqual({ value: 1, from: "--port" });
  expect(merge({ env, file: file({ port: 3 }) }).port).toEqual({ value: 2, from: "MCP_EXPOSE_PORT" });
  expect(merge({ file: file({ port: 3 }) }).port).toEqual({ value: 3, from: "port in mcp-oauth.config.ts" });
  expect(merge({}).port).toBeUndefined();
});

test("every option that takes a value can be set by a variable", () => {
  const samples: Partial<Record<OptionKey, string>> = {
    port: "1",
    host: "::1",
    path: "/x",
    tunnel: "none",
    domain: "a.example",
    only: "claude",
    publicUrl: "https://a.example",
    maxBody: "1kb",
    auth: "none",
    user: "a",
    allowClient: "a.example",
    denyClient: "a.example",
    store: "memory",
    accessTtl: "1h",
    refreshTtl: "1h",
    allowRedirect: "https://a.example/cb",
    allowOrigin: "https://a.example",
    process: "session",
    childEra: "legacy",
    env: "A=1",
  };
  for (const [key, option] of optionsOf("run").filter(([, option]) => mayComeFrom(option, "environment"))) {
    const settings = merge({ env: { [variableName(key)]: samples[key] ?? "1" } });
    expect(settings[key]?.from, option.help).toBe(variableName(key));
  }
});

test("a switch can be turned off again by a stronger source", () => {
  expect(merge({ env: { MCP_EXPOSE_JSON: "0" }, file: file({ json: true }) }).json?.value).toBeFalse();
});

test("what is watched is divided by lines, since globs have commas, and switched off by a variable", () => {
  const weak = file({ watch: "src/**" });
  expect(merge({ file: weak }).watch?.value).toEqual([{ pattern: "src/**", folder: "/file" }]);
  expect(merge({ env: { MCP_EXPOSE_WATCH: "0" }, file: weak }).watch?.value).toEqual([false]);
  expect(merge({ env: { MCP_EXPOSE_WATCH: "{a,b}/*\n*.ts" } }).watch?.value).toEqual([
    { pattern: "{a,b}/*", folder: "/here" },
    { pattern: "*.ts", folder: "/here" },
  ]);
});

test("an empty variable counts as absent", () => {
  expect(merge({ env: { MCP_EXPOSE_PORT: "" } }).port).toBeUndefined();
});

test("lists of a stronger source stand instead of weaker ones", () => {
  const weak = file({ allowOrigin: ["https://a.example", "https://b.example"] });
  expect(merge({ file: weak }).allowOrigin?.value).toEqual(["https://a.example", "https://b.example"]);
  const env = { MCP_EXPOSE_ALLOW_ORIGIN: "https://c.example, https://d.example" };
  expect(merge({ env, file: weak }).allowOrigin?.value).toEqual(["https://c.example", "https://d.example"]);
});

test("the server's variables add up, the strongest source last", () => {
  const settings = merge({
    flags: [flag("env", "A=flag")],
    env: { MCP_EXPOSE_ENV: "A=variable\nB=x, y" },
    file: file({ env: { A: "file", C: 1 } }),
  });
  expect(settings.env?.value).toEqual([
    ["A", "file"],
    ["C", "1"],
    ["A", "variable"],
    ["B", "x, y"],
    ["A", "flag"],
  ]);
});

test("paths start where they were written: here, or at the config file", () => {
  const settings = merge({
    flags: [flag("cwd", "a")],
    file: file({ cwd: "b", store: "c.db", envFile: ".env" }),
  });
  expect(settings.cwd?.value).toBe("/here/a");
  expect(settings.store?.value).toBe("/file/c.db");
  expect(settings.envFile?.value).toEqual(["/file/.env"]);
});

test("one command's mistakes do not stop another", () => {
  expect(merge({ command: "grants", env: { MCP_EXPOSE_PORT: "abc", MCP_EXPOSE_STORE: "memory" } })).toEqual({
    store: { value: "memory", from: "MCP_EXPOSE_STORE" },
  });
});

const wrong = (values: Record<string, unknown>) => () => merge({ file: file(values) });

test("a wrong type in the config file is reported with its key", () => {
  expect(wrong({ port: "abc" })).toThrow('port in mcp-oauth.config.ts: "abc" is not a port number.');
  expect(wrong({ port: true })).toThrow("port in mcp-oauth.config.ts: true is not a port number.");
  expect(wrong({ accessTtl: 3600 })).toThrow("accessTtl in mcp-oauth.config.ts: 3600 is not a duration.");
  expect(wrong({ json: 1 })).toThrow("json in mcp-oauth.config.ts: 1 is not true or false.");
  expect(wrong({ allowOrigin: ["https://a.example", 1] })).toThrow(
    "allowOrigin[1] in mcp-oauth.config.ts: 1",
  );
  expect(wrong({ env: ["A=1"] })).toThrow("env in mcp-oauth.config.ts is not a set of variables.");
  expect(wrong({ env: { A: {} } })).toThrow("env.A in mcp-oauth.config.ts is not a text.");
});

test("secrets do not show in messages", () => {
  const shown = (run: () => unknown) => {
    try {
      run();
    } catch (thrown) {
      return String(thrown);
    }
    return "accepted";
  };
  expect(shown(() => merge({ flags: [flag("user", "a b:hunter22")] }))).toMatch(/^(?!.*hunter22).*--user/);
  expect(shown(() => merge({ env: { MCP_EXPOSE_TOKEN: "hunter22\x07" } }))).toMatch(
    /^(?!.*hunter22).*MCP_EXPOSE_TOKEN/,
  );
  expect(shown(wrong({ token: 12345678 }))).toMatch(/^(?!.*12345678).*token in/);
});
