// The other bridges, fetched from npm into a folder of the bench's own: the project does not depend on them.
import { join } from "node:path";
import { $ } from "bun";

const VERSIONS = { "mcp-proxy": "6.7.19", supergateway: "4.0.0" } as const;
const FOLDER = join(import.meta.dir, ".peers");

export type Peer = keyof typeof VERSIONS;

const ENTRY: Record<Peer, string> = {
  "mcp-proxy": "mcp-proxy/dist/bin/mcp-proxy.mjs",
  supergateway: "supergateway/dist/index.js",
};

/** Installs what is missing. @returns the script of each, to be run with Node */
export async function installPeers(): Promise<Record<Peer, string>> {
  const names = Object.keys(VERSIONS) as Peer[];
  const missing = await Promise.all(names.map(async (name) => !(await isInstalled(name))));
  if (missing.includes(true)) {
    const wanted = names.map((name) => `${name}@${VERSIONS[name]}`);
    await $`mkdir -p ${FOLDER} && npm install --prefix ${FOLDER} --no-save --no-fund --no-audit ${wanted}`.quiet();
  }
  return {
    "mcp-proxy": join(FOLDER, "node_modules", ENTRY["mcp-proxy"]),
    supergateway: join(FOLDER, "node_modules", ENTRY.supergateway),
  };
}

async function isInstalled(name: Peer): Promise<boolean> {
  const file = Bun.file(join(FOLDER, "node_modules", name, "package.json"));
  if (!(await file.exists())) return false;
  const { version } = (await file.json()) as { version: string };
  return version === VERSIONS[name];
}
