// What the packaging tests share: the two shipped forms, and an unfriendly folder to start them in.
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { version } from "../../package.json";
import * as artifacts from "./artifacts.ts";

export const ROOT = join(import.meta.dir, "../..");

export const VERSION = version;
export const BINARY = made(artifacts.BINARY);
export const TARBALL = made(artifacts.TARBALL);
export const NODE = Bun.which("node")!;
/** Node, npm and the system's own tools, no Bun. */
export const PLAIN_PATH = `${dirname(NODE)}:/usr/bin:/bin`;

function made(path: string): string {
  if (!existsSync(path)) throw new Error(`${path} is made by "npm test"; start the tests with it once`);
  return path;
}

export interface Folder extends AsyncDisposable {
  path: string;
}

export async function createFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), "mcp-expose-packaging-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

/** A folder whose bunfig.toml runs code that leaves a file `ran`, and whose .env holds an impossible port. */
export async function createHostileFolder(): Promise<Folder> {
  const folder = await createFolder();
  await Bun.write(join(folder.path, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
  await Bun.write(join(folder.path, "preload.ts"), 'await Bun.write(`${import.meta.dir}/ran`, "");\n');
  await Bun.write(join(folder.path, ".env"), "MCP_EXPOSE_PORT=banana\n");
  return folder;
}

/** A command line that reads every setting, then fails for want of a server. */
export const READS_SETTINGS = ["--tunnel", "none", "--store", "memory", "./no-such-server.js"];

export interface Run {
  status: number | null;
  stdout: string;
  stderr: string;
}

export async function run(argv: string[], cwd: string, env: Record<string, string> = {}): Promise<Run> {
  const child = Bun.spawn(argv, {
    cwd,
    env: { HOME: process.env["HOME"] ?? "", PATH: PLAIN_PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  return { status: child.exitCode, stdout, stderr };
}
