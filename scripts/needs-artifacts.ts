// Whether test files start the shipped forms of the program. They say so by importing test/packaging/artifacts.ts,
// themselves or through another file, so there is no list to keep.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const DECLARATION = "test/packaging/artifacts.ts";

/** @param files paths below `root` */
export function needArtifacts(files: readonly string[], root: string): boolean {
  const seen = new Set<string>();
  const visit = (file: string): boolean => {
    if (file === DECLARATION) return true;
    if (seen.has(file) || !/\.tsx?$/.test(file)) return false;
    seen.add(file);
    return listImports(file, root).some(visit);
  };
  return files.some(visit);
}

function listImports(file: string, root: string): string[] {
  const transpiler = new Bun.Transpiler({ loader: file.endsWith(".tsx") ? "tsx" : "ts" });
  const found = transpiler.scanImports(readFileSync(join(root, file)));
  return found.filter(({ path }) => path.startsWith(".")).map(({ path }) => join(dirname(file), path));
}
