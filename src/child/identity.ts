// Which server a grant is for: the folder it runs in and the program that is run. Arguments and environment are no part
// of it, so that another option costs nobody a sign-in; but two servers must never be one by accident. So of a command
// that runs others, such as `npx`, the word that names the program counts, and where that cannot be told, every word.
import { hash } from "node:crypto";
import { realpathSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { CommandSpec } from "./command.ts";

/** How the words behind a command that runs others are read, up to the one that names the program. */
interface Runner {
  /** Options without a value that make no difference. */
  switches: readonly string[];
  /** Options whose value makes none, either. */
  ignored: readonly string[];
  /** Options whose value does. */
  counted: readonly string[];
  /** `image`: what is run may be said behind the image, too. */
  names: "package" | "file" | "image";
}

const list = (words: string) => words.split(" ");
const PACKAGE: Runner = {
  switches: list("-y --yes -q --quiet --no-install --offline --prefer-offline --verbose --silent --bun"),
  ignored: [],
  counted: list("-p --package --registry --from --with --index-url --python"),
  names: "package",
};
const FILE: Runner = {
  switches: list("-u -B -s --bun --no-warnings --enable-source-maps -A --allow-all"),
  ignored: [],
  counted: list("--with --directory --project --python --extra"),
  names: "file",
};
const IMAGE: Runner = {
  switches: list("-i -t -it -ti -d --rm --init --interactive --tty --read-only"),
  ignored: list("-e --env --name -l --label -m --memory --cpus --pull -h --hostname"),
  counted: list("-v --volume --mount -w --workdir -u --user --network --entrypoint --platform --env-file"),
  names: "image",
};
const RUNNERS: Readonly<Record<string, Runner>> = {
  npx: PACKAGE,
  bunx: PACKAGE,
  pnpx: PACKAGE,
  uvx: PACKAGE,
  "npm exec": PACKAGE,
  "npm x": PACKAGE,
  "pnpm dlx": PACKAGE,
  "yarn dlx": PACKAGE,
  "bun x": PACKAGE,
  "uv tool run": PACKAGE,
  "pipx run": PACKAGE,
  node: FILE,
  bun: FILE,
  "bun run": FILE,
  "deno run": FILE,
  tsx: FILE,
  python: FILE,
  "uv run": FILE,
  "docker run": IMAGE,
  "podman run": IMAGE,
};
const LONGEST_RUNNER = 3;
/** Packages whose arguments say what is run. */
const LAUNCHERS = new Set(
  list("@smithery/cli @modelcontextprotocol/inspector mcp-remote mcp-proxy supergateway mcp fastmcp").concat(
    list("tsx ts-node nodemon cross-env dotenv dotenv-cli concurrently node python"),
  ),
);

/**
 * @param target what the command's first word leads to: a file or a folder
 * @param cwd the folder the server runs in
 * @returns a fingerprint that is the same for the same server only
 */
export function identifyServer(spec: CommandSpec, target: string, cwd: string): string {
  return hash("sha256", JSON.stringify([findRealPath(cwd), ...identifyProgram(spec, target, cwd)]));
}

function identifyProgram(spec: CommandSpec, target: string, cwd: string): readonly string[] {
  const { command, args, folder, shell } = spec;
  if (shell) return ["shell", [command, ...args].join(" ")];
  const isFolder = statSync(target, { throwIfNoEntry: false })?.isDirectory() ?? false;
  // A newer Python is the same runner, wherever it lies.
  const name = basename(target)
    .replace(/\.(?:exe|cmd|bat)$/i, "")
    .replace(/^(python)[\d.]+$/, "$1");
  const ran = isFolder ? undefined : identifyRun([name, ...args], cwd);
  if (ran !== undefined) return ran;
  return resolve(folder, command) === target ? [findRealPath(target)] : [target, ...withoutSwitches(args)];
}

/** What a runner runs; undefined when the first word is none. */
function identifyRun(words: readonly string[], cwd: string): readonly string[] | undefined {
  for (let length = LONGEST_RUNNER; length > 0; length--) {
    const name = words.slice(0, length).join(" ");
    const runner = words.length >= length && Object.hasOwn(RUNNERS, name) ? RUNNERS[name] : undefined;
    if (runner === undefined) continue;
    const rest = words.slice(length);
    const { counted, program } = readOptions(rest, runner);
    if (program.length === 0) return [name, ...withoutSwitches(rest)];
    const found = identifyNamed(program, runner, cwd);
    // A script is the same whatever runs it.
    return runner.names === "file" && counted.length === 0 && found.length === 1
      ? found
      : [name, ...counted, ...found];
  }
  return undefined;
}

/** `program`: the word that names it and what follows; empty where that cannot be told. */
function readOptions(words: readonly string[], { switches, ignored, counted }: Runner) {
  const read: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (!word.startsWith("-")) return { counted: read, program: words.slice(at) };
    const option = word.split("=", 1)[0]!;
    const isWhole = word.includes("=");
    if (switches.includes(option)) continue;
    if (!isWhole && !ignored.includes(option) && !counted.includes(option)) break;
    const value = isWhole ? [] : [words[++at] ?? ""];
    if (!ignored.includes(option)) read.push(word, ...value);
  }
  return { counted: read, program: [] };
}

function identifyNamed(words: readonly string[], { names }: Runner, cwd: string): readonly string[] {
  const [program = "", ...rest] = words;
  if (names === "image") return words;
  if (names === "package") {
    const bare = program.replace(/(?<=.)(?:@|==)[\w.^~*+-]+$/, "");
    if (LAUNCHERS.has(bare)) return [bare, ...rest];
    // What a bridge leads to is a server of its own.
    return [bare, ...rest.filter((word) => word.includes("://"))];
  }
  const path = resolve(cwd, program);
  const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  return isFile ? [findRealPath(path)] : [program, ...withoutSwitches(rest)];
}

/** Words that stand for nothing but themselves, such as `--verbose`, name no program. */
function withoutSwitches(words: readonly string[]): readonly string[] {
  return words.filter((word) => !/^(?:--[\w-]+|-\w)$/.test(word));
}

/** The same place is reached by several names where links lead to it, or case makes no difference. */
function findRealPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}
