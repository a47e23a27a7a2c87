// Finds what each file of src imports, for the test that holds the walls and the script that draws the rooms.
// Imports are found by Bun's own parser, so a comment or a string is never taken for one.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const ROOT = join(import.meta.dir, "..");

export interface Import {
  /** As it is written. */
  specifier: string;
  /** The file it leads to, such as `store/store.ts`, seen from src; null for a package. */
  target: string | null;
  isTypeOnly: boolean;
}

/** The text of each file of src by its path, such as `store/store.ts`. */
export function readSources(): Map<string, string> {
  const files = listFiles("src/**/*.{ts,tsx}");
  return new Map(files.map((file) => [file.slice("src/".length), readFileSync(join(ROOT, file), "utf8")]));
}

/** The paths of the project's files that match a glob, sorted. */
export function listFiles(pattern: string): string[] {
  return [...new Bun.Glob(pattern).scanSync({ cwd: ROOT, onlyFiles: true })].sort();
}

/** @param file its path, seen from src */
export function findImports(file: string, text: string): Import[] {
  const values = parseImports(file, text);
  const all = new Set([...parseImports(file, withoutTypeKeywords(text)), ...findTypePositions(text)]);
  return [...all].map((specifier) => ({
    specifier,
    target: specifier.startsWith(".") ? join(dirname(file), specifier) : null,
    isTypeOnly: !values.includes(specifier),
  }));
}

function parseImports(file: string, text: string): string[] {
  const transpiler = new Bun.Transpiler({
    loader: file.endsWith(".tsx") ? "tsx" : "ts",
    tsconfig: JSON.stringify({ compilerOptions: { verbatimModuleSyntax: true } }),
  });
  const found = transpiler.scanImports(text.replace(/^#!.*/, "")).map(({ path }) => path);
  // The parser adds what JSX would compile to.
  return found.filter((specifier) => text.includes(`"${specifier}"`));
}

/** The parser drops type imports, so they are made to look like the others. */
function withoutTypeKeywords(text: string): string {
  const statement = /^\s*(?:import|export)\s+(?:type\s+)?(?:[\w$]+|\{[^}]*\}|\*)[^;'"=]*?from\s*["']/gm;
  return text.replace(statement, (match) => match.replace(/\btype\s+(?=[\w${*])/g, ""));
}

/** `import("./file.ts").Name`, where a type is expected. */
function findTypePositions(text: string): string[] {
  return [...withoutComments(text).matchAll(/\bimport\(\s*["']([^"']+)["']\s*\)\s*\.\s*[A-Z]/g)].map(
    ([, path]) => path!,
  );
}

export function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
}
