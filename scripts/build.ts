// Makes the files of the npm package: dist/cli.js, the program that bin/mcp-expose.js starts,
// and dist/define-config.js with its declarations, which people's config files import as "mcp-expose".
// Dependencies are not bundled: npm installs them, with their own licences and security updates.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { makeDeclarations } from "./declarations.ts";

const ROOT = join(import.meta.dir, "..");

await cleanOutput();
await bundle("src/main.ts", "cli.js");
await bundle("src/config/define-config.ts", "define-config.js");
await Bun.write(join(ROOT, "dist/define-config.d.ts"), await makeDeclarations());

/** Only the files that this script makes: the compiled binary is in the same folder. */
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
    // A command reads only the code it needs: `--version` does without the server.
    splitting: true,
  });
  const extra = outputs.find(({ kind }) => kind !== "entry-point" && kind !== "chunk");
  if (extra)
    throw new Error(`"${extra.path}" would be missing in the package: add it to "files" in package.json`);
}
