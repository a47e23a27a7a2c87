// The ports that requests arrive at: the public one with the tunnel's socket, and the private one for this machine alone.
import type { Mounts } from "./mount.ts";
import type { Run } from "./run-context.ts";
import type { PreparedTunnel } from "./tunnel.ts";
import { createHttpServer, FIRST_PORT } from "../http/http-server.ts";
import { createPrivateApp } from "../http/private-app.ts";
import { createPublicServer, type PublicServer } from "../http/public-server.ts";
import { createTunnelServer, listSocketFolders, type TunnelServer } from "../http/tunnel-server.ts";
import { groupSource } from "../oauth/limits/source.ts";

/** How long a wrapped server may take to answer `/readyz`, in milliseconds. */
const READY_WITHIN = 2_000;

/** @throws {UserError} exit code 2: the port is taken, or the address is not one of this machine's */
export async function openPublicPort(
  run: Run,
  preparedTunnel: PreparedTunnel | undefined,
): Promise<PublicServer> {
  const { config, io, lifecycle } = run;
  const { host, port } = config;
  const isTunneled = preparedTunnel !== undefined;
  const isBehindProxy = config.publicUrl !== undefined;
  const httpServer = await lifecycle.open(
    "the public port",
    () => createHttpServer({ host, port, isProxied: isBehindProxy }),
    (server) => server.stop(),
  );
  if (port === null && httpServer.port !== FIRST_PORT)
    io.log.info(`Port ${FIRST_PORT} is in use; listening on ${httpServer.port} instead.`);
  const tunnelServer = preparedTunnel?.capabilities.takesSocket ? await openSocket(run) : undefined;
  const isProxied = isTunneled || isBehindProxy;
  return createPublicServer({ httpServer, tunnelServer, isTunneled, isProxied, groupSource });
}

function openSocket({ io, lifecycle }: Run): Promise<TunnelServer | undefined> {
  const { platform, env, log } = io;
  return lifecycle.open(
    "the tunnel's socket",
    () => createTunnelServer({ platform, folders: listSocketFolders(env), warn: log.warn }),
    (server) => server?.stop(),
  );
}

/** @returns the URL that says whether the wrapped servers answer now */
export async function openPrivatePort({ lifecycle }: Run, mounts: Mounts): Promise<string> {
  const server = await lifecycle.open(
    "the private port",
    () => createHttpServer({ host: "127.0.0.1", port: 0 }),
    (server) => server.stop(),
  );
  const areAlive = async () => {
    const answers = await Promise.all(mounts.map(({ bridge }) => bridge.isAlive(READY_WITHIN)));
    return answers.every(Boolean);
  };
  server.serve(createPrivateApp(areAlive).fetch);
  return `${server.origin}/readyz`;
}
