import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createLog } from "../../src/log.ts";
import { findAuthtoken, type AuthtokenSources } from "../../src/tunnel/ngrok/authtoken.ts";

const root = await mkdtemp(join(tmpdir(), "ngrok-authtoken-"));
afterAll(() => rm(root, { recursive: true, force: true }));

let home = "";
let output = "";
const log = createLog({ level: "verbose", write: (text) => void (output += text), color: false });
beforeEach(async () => {
  home = await mkdtemp(join(root, "home-"));
  output = "";
});

const find = (sources: Partial<AuthtokenSources> = {}) =>
  findAuthtoken({
    env: {},
    platform: "linux",
    home,
    readText: (path) => readFile(path, "utf8"),
    log,
    ...sources,
  });

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(home, path)), { recursive: true });
  await writeFile(join(home, path), text);
}

const V3 = "version: 3\nagent:\n  authtoken: from-v3-file\n";
const V2 = 'version: "2"\nauthtoken: from-v2-file\n';

describe("the authtoken", () => {
  test("as given takes precedence over the environment, which takes precedence over the agent's file", async () => {
    await write(".config/ngrok/ngrok.yml", V3);
    const env = { NGROK_AUTHTOKEN: "from-environment" };
    expect(await find({ given: "as-given", env })).toBe("as-given");
    expect(await find({ env })).toBe("from-environment");
    expect(await find()).toBe("from-v3-file");
  });

  test("is skipped if it is blank", async () => {
    await write(".config/ngrok/ngrok.yml", V2);
    expect(await find({ given: " ", env: { NGROK_AUTHTOKEN: "" } })).toBe("from-v2-file");
  });

  test("is undefined, without a warning, if there is none anywhere", async () => {
    expect(await find()).toBeUndefined();
    await write(".config/ngrok/ngrok.yml", "version: 3\nagent: {}\n");
    expect(await find()).toBeUndefined();
    expect(output).toBe("");
  });

  test.each([
    ["linux", {}, ".config/ngrok/ngrok.yml"],
    ["linux", { XDG_CONFIG_HOME: "HOME/xdg" }, "xdg/ngrok/ngrok.yml"],
    ["linux", {}, ".ngrok2/ngrok.yml"],
    ["darwin", {}, "Library/Application Support/ngrok/ngrok.yml"],
  ] as const)("is found on %s with %p in %s", async (platform, env, path) => {
    await write(path, V3);
    const resolved = Object.fromEntries(
      Object.entries(env).map(([name, value]) => [name, value.replace("HOME", home)]),
    );
    expect(await find({ platform, env: resolved })).toBe("from-v3-file");
  });

  test.each([
    [{ LOCALAPPDATA: "D:\\local" }, "D:\\local\\ngrok\\ngrok.yml"],
    [{}, "C:\\Users\\me\\AppData\\Local\\ngrok\\ngrok.yml"],
  ])("is looked for in the local application data of Windows (%p)", async (env, expected) => {
    const asked: string[] = [];
    const readText = (path: string) => {
      asked.push(path);
      return Promise.resolve(V3);
    };
    expect(await find({ platform: "win32", home: "C:\\Users\\me", env, readText })).toBe("from-v3-file");
    expect(asked).toEqual([expected]);
  });

  test.each(["authtoken: [secret-in-broken-yaml\nagent: }", "\tauthtoken: secret-in-broken-yaml\n\t- x: {"])(
    "in a malformed file is ignored with one warning that does not show it",
    async (text) => {
      await write(".config/ngrok/ngrok.yml", text);
      expect(await find()).toBeUndefined();
      expect(output.trim().split("\n")).toHaveLength(1);
      expect(output).toContain(join(home, ".config/ngrok/ngrok.yml"));
      expect(output).not.toContain("secret");
    },
  );

  test.each(["- a\n- list\n", "just text", "", "agent: 7\nauthtoken: {a: b}\n"])(
    "is undefined if the file contains something else (%p)",
    async (text) => {
      await write(".config/ngrok/ngrok.yml", text);
      expect(await find()).toBeUndefined();
    },
  );

  test("is never shown by the log once it was found", async () => {
    await find({ given: "a-found-authtoken" });
    log.info("using a-found-authtoken");
    expect(output).toBe("· using [redacted]\n");
  });
});
