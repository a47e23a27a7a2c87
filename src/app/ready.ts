// The `ready` event of a run: where to connect, and how to get in.
import type { Ready } from "./event.ts";
import type { Mounts } from "./mount.ts";
import type { Access } from "./oauth.ts";
import type { PublicUrl } from "./public-url.ts";
import type { Run } from "./run-context.ts";
import type { PreparedTunnel } from "./tunnel.ts";
import type { PublicServer } from "../http/public-server.ts";

export interface ReadyParts {
  url: PublicUrl;
  mounts: Mounts;
  publicServer: PublicServer;
  preparedTunnel: PreparedTunnel | undefined;
  access: Access | undefined;
  readyz: string;
}

export function describeReady({ config }: Run, parts: ReadyParts): Ready {
  const { url, mounts, publicServer, preparedTunnel, access, readyz } = parts;
  const [{ name, paths }] = mounts;
  const caveat = preparedTunnel?.capabilities.caveat;
  return {
    event: "ready",
    url: url.current + paths.mcp,
    sse: url.current + paths.sse,
    local: publicServer.origin + paths.mcp,
    issuer: access ? url.current : null,
    tunnel: config.tunnel,
    ...(caveat !== undefined && { caveat }),
    inspector: null,
    readyz,
    auth: config.auth,
    credential: access?.signIn.notice ?? null,
    clients: config.client ? [{ client_id: config.client.id }] : [],
    server: name,
  };
}
