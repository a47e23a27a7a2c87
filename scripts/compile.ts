// Makes the single binary: `npm run compile` writes dist/mcp-expose for this platform,
// `npm run compile -- --target linux-arm64` writes dist/mcp-expose-linux-arm64 with parts fetched from npm.
// A binary for this platform is started once: the bundler can succeed on one that cannot start.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { $, type BunPlugin } from "bun";
import { dependencies, version } from "../package.json";

const ROOT = join(import.meta.dir, "..");
const FETCHED = join(ROOT, "artifacts/platforms");

/** What Bun's and ngrok's packages call each target. */
const TARGETS = {
  "linux-x64": { runtime: "linux-x64", addon: "linux-x64-gnu" },
  "linux-arm64": { runtime: "linux-aarch64", addon: "linux-arm64-gnu" },
  "linux-x64-musl": { runtime: "linux-x64-musl", addon: "linux-x64-musl" },
  "linux-arm64-musl": { runtime: "linux-aarch64-musl", addon: "linux-arm64-musl" },
  "darwin-x64": { runtime: "darwin-x64", addon: "darwin-x64" },
  "darwin-arm64": { runtime: "darwin-aarch64", addon: "darwin-arm64" },
  "windows-x64": { runtime: "windows-x64", addon: "win32-x64-msvc" },
  "windows-arm64": { runtime: "windows-aarch64", addon: "win32-arm64-msvc" },
} as const;
type Target = keyof typeof TARGETS;

const { values: options } = parseArgs({ options: { target: { type: "string" } } });
const host = findHost();
const target = options.target ?? host;
if (!isTarget(target))
  throw new Error(`no target "${target}": choose from ${Object.keys(TARGETS).join(", ")}`);

const isHost = target === host;
const outfile = join(ROOT, "dist", `mcp-expose${isHost ? "" : `-${target}`}${suffixOf(target)}`);
await compile(target, outfile);
if (isHost) await tryOut(outfile);
if (target === "darwin-x64")
  console.log("Sign it on a Mac before it is used: codesign --force --sign - FILE");
console.log(`${outfile} (${(Bun.file(outfile).size / 1e6).toFixed(1)} MB)`);

/** npm chose the ngrok addon of this machine, which also distinguishes glibc from musl. */
function findHost(): Target | "unknown" {
  const names = Object.keys(TARGETS).filter(isTarget);
  const isInstalled = (name: Target) => folderOf(`@ngrok/ngrok-${TARGETS[name].addon}`) !== null;
  return names.find(isInstalled) ?? "unknown";
}

function isTarget(name: string): name is Target {
  return name in TARGETS;
}

function suffixOf(target: Target): string {
  return target.startsWith("windows") ? ".exe" : "";
}

async function compile(target: Target, outfile: string): Promise<void> {
  const { runtime, addon } = TARGETS[target];
  const executablePath = isHost
    ? process.execPath
    : join(await obtain(`@oven/bun-${runtime}`, Bun.version), "bin", `bun${suffixOf(target)}`);
  await Bun.build({
    entrypoints: [join(ROOT, "src/main.ts")],
    // Bytecode for a bundle with `import.meta` needs ESM, and splitting leaves unused commands unread at start.
    format: "esm",
    bytecode: true,
    splitting: true,
    minify: true,
    plugins: [embedOnly(`@ngrok/ngrok-${addon}`, await obtainAddon(addon))],
    compile: {
      target: `bun-${target}`,
      outfile,
      executablePath,
      // Files in the current folder must not run; package.json decides how a config file's imports resolve.
      autoloadBunfig: false,
      autoloadDotenv: false,
      autoloadPackageJson: true,
    },
  });
}

/** Otherwise the addon of every installed platform is embedded, 10 MB each. */
function embedOnly(wanted: string, file: string): BunPlugin {
  return {
    name: "one-ngrok-addon",
    setup(build) {
      build.onResolve({ filter: /^@ngrok\/ngrok-/ }, ({ path }) =>
        path === wanted ? { path: file } : { path, external: true },
      );
    },
  };
}

async function obtainAddon(addon: string): Promise<string> {
  const name = `@ngrok/ngrok-${addon}`;
  const folder = folderOf(name) ?? (await obtain(name, dependencies["@ngrok/ngrok"]));
  return join(folder, `ngrok.${addon}.node`);
}

function folderOf(name: string): string | null {
  try {
    return join(Bun.resolveSync(`${name}/package.json`, ROOT), "..");
  } catch {
    return null;
  }
}

/** The unpacked folder of a package that npm would not install on this platform. */
async function obtain(name: string, version: string): Promise<string> {
  const folder = join(FETCHED, `${name.replaceAll("/", "-")}-${version}`);
  if (await Bun.file(join(folder, "package.json")).exists()) return folder;
  await mkdir(folder, { recursive: true });
  const tarball = (await $`npm pack ${name}@${version} --silent`.cwd(FETCHED).text()).trim();
  await $`tar -xzf ${tarball} -C ${folder} --strip-components=1 && rm ${tarball}`.cwd(FETCHED);
  return folder;
}

async function tryOut(binary: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "mcp-expose-"));
  try {
    const { exitCode, stdout, stderr } = Bun.spawnSync([binary, "--version"], {
      cwd: folder,
      timeout: 20_000,
    });
    if (exitCode === 0 && stdout.toString().includes(version)) return;
    throw new Error(
      `"${binary} --version" ended with status ${exitCode}: ${stdout.toString()}${stderr.toString()}`,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}
