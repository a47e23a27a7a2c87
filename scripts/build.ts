// Makes what the npm package ships: dist/cli.js, the program that bin/mcp-expose.js starts,
// and dist/define-config.js with its declarations, which people's config files import as "mcp-expose".
// Dependencies stay outside: npm installs them, with their own licences and security updates.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { makeDeclarations } from "./declarations.ts";

const ROOT = join(import.meta.dir, "..");

await cleanOutput();
await bundle("src/main.ts", "cli.js");
await bundle("src/config/define-config.ts", "define-config.js");
await Bun.write(join(ROOT, "dist/define-config.d.ts"), await makeDeclarations());

/** Only what this script makes: a compiled binary lives in the same folder. */
async function cleanOutput(): Promise<void> {
  const old = new Bun.Glob("dist/*.{js,d.ts}").scan({ cwd: ROOT });
  for await (const file of old) await rm(join(ROOT, file));
}

async function bundle(entry: string, name: string): Promise<void> {
  const { outputs } = await Bun.build({
    entrypoints: [join(ROOT, entry)],
    outdir: join(ROOT, "dist"),
    naming: { entry: name, chunk: "chunk-[hash].js" },
    target: "bun",
    packages: "external",
    // What a command does not need is not read: `--version` does without the server.
    splitting: true,
  });
  const extra = outputs.find(({ kind }) => kind !== "entry-point" && kind !== "chunk");
  if (extra)
    throw new Error(`"${extra.path}" would be missing in the package: add it to "files" in package.json`);
}
