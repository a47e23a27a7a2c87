// The config file's type is derived from the table twice: by the compiler for us, and as text for what is published.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { makeDeclarations } from "../../scripts/declarations.ts";
import { listFileKeys } from "../../src/config/check-file.ts";

const ROOT = join(import.meta.dir, "../..");

let folder: string;

beforeAll(async () => {
  // Inside of the checkout, where the compiler finds its settings.
  await mkdir(join(ROOT, "artifacts"), { recursive: true });
  folder = await mkdtemp(join(ROOT, "artifacts/file-options-"));
});

afterAll(() => rm(folder, { recursive: true }));

test("both types are the same, and have the keys that a file may have", async () => {
  const published = await makeDeclarations();
  expect(published).not.toContain("import");
  const keys = listFileKeys().map((key) => JSON.stringify(key));
  expect(await check(published, keys)).toEqual({ errors: "", status: 0 });
  expect((await check(published, keys.slice(1))).status).not.toBe(0);
  expect((await check(published.replace("port?: number", "port?: string"), keys)).status).not.toBe(0);
});

async function check(published: string, keys: readonly string[]) {
  await Bun.write(join(folder, "published.d.ts"), published);
  await Bun.write(
    join(folder, "same.ts"),
    `import type { ConfigFile } from "../../src/config/define-config.ts";
    import type { Equal, Holds } from "../../test/config/type-equality.ts";
    import type { ConfigFile as Published } from "./published.d.ts";
    export type Same = [
      Holds<Equal<ConfigFile, Published>>,
      Holds<Equal<keyof Published, ${keys.join(" | ")}>>,
      Holds<Equal<keyof ConfigFile, ${keys.join(" | ")}>>,
    ];`,
  );
  const child = Bun.spawn([process.execPath, "check", join(folder, "same.ts")], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  const errors = `${stdout}${stderr}`.split("\n").filter((line) => line.includes("error TS"));
  return { errors: errors.join("\n"), status: await child.exited };
}
