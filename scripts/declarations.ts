// Makes the declarations of what config files import as "mcp-expose". They import nothing: the types of the options are
// printed into them from the table.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { $ } from "bun";
import { printFileOptions } from "../src/config/file-options.ts";

const ROOT = join(import.meta.dir, "..");
const SOURCE = join(ROOT, "src/config/define-config.ts");
const IMPORT = 'import type { FileOptions } from "./file-options.ts";\n';

export async function makeDeclarations(): Promise<string> {
  const source = await Bun.file(SOURCE).text();
  if (!source.includes(IMPORT)) throw new Error(`"${SOURCE}" no longer has the line ${IMPORT}`);
  const folder = await mkdtemp(join(tmpdir(), "mcp-expose-declarations-"));
  try {
    const copy = join(folder, "define-config.ts");
    await Bun.write(copy, source.replace(IMPORT, printFileOptions()));
    await $`node_modules/.bin/tsc ${copy} --ignoreConfig --strict --declaration --emitDeclarationOnly`.cwd(
      ROOT,
    );
    return await Bun.file(join(folder, "define-config.d.ts")).text();
  } finally {
    await rm(folder, { recursive: true });
  }
}
