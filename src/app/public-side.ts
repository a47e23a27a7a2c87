// All that is bound to the public URL: which hosts and origins may call, what OAuth's documents and tokens name, and what is
// mounted where. Another URL makes these anew and nothing else: throttles, known browsers, keys and clients live on.
import type { Mount, Mounts } from "./mount.ts";
import type { PublicUrl } from "./public-url.ts";
import type { Run } from "./run-context.ts";
import { ASSISTANT_ORIGINS } from "../http/assistant-origins.ts";
import { createProtect, type Protect } from "../http/access-check.ts";
import { createPublicApp, type ExchangeObserver, type Resource } from "../http/public-app.ts";
import type { PublicServer } from "../http/public-server.ts";
import { createRequestGuards } from "../http/request-guards.ts";
import type { OAuth } from "../oauth/oauth.ts";
import { printable } from "../printable.ts";

export interface PublicParts {
  mounts: Mounts;
  /** Absent when no token is needed. */
  oauth: OAuth | undefined;
  publicServer: PublicServer;
  url: PublicUrl;
  requestLog: ExchangeObserver;
  /** Called for each request through the tunnel. */
  countRequest(): void;
}

/** Serves the public side under its URL, and under another one from the moment it moves there. */
export function openPublicSide(run: Run, parts: PublicParts): void {
  const { moveTo } = createPublicSide(run, parts);
  parts.url.follow((url) => {
    moveTo(url);
    run.lifecycle.changed();
  });
}

function createPublicSide({ config, io }: Run, parts: PublicParts) {
  const { mounts, oauth, publicServer, requestLog, countRequest } = parts;
  const protect = createProtect(oauth, publicServer.slots);
  const resources = new Map(mounts.flatMap((mount) => listResources(mount, protect)));
  // Where no token is needed an assistant's page may not call: it would be let in, whoever made it call.
  const allowOrigin =
    config.auth === "oauth" ? [...ASSISTANT_ORIGINS, ...config.allowOrigin] : config.allowOrigin;
  if (oauth !== undefined) for (const { endpoint } of mounts) oauth.onRevoked(endpoint.recheck);
  return {
    /**
     * Tokens name the URL they are for (RFC 8707 §2), so those for the one before are worth nothing now, and streams that
     * hang on them end.
     */
    moveTo(url: string) {
      oauth?.moveTo(url);
      const app = createPublicApp({
        guards: createRequestGuards({ publicUrl: url, allowOrigin }),
        resources,
        oauth: oauth?.routes,
        lend: publicServer.slots.withAnonymousSlot,
        observer: requestLog,
        onFault: (thrown, path) =>
          io.log.error(`${printable(path)} failed: ${thrown.stack ?? thrown.message}`),
      });
      publicServer.serve(url, app, countRequest);
      for (const { endpoint } of mounts) endpoint.recheck();
    },
  };
}

/** The handlers of a mount, by path. */
function listResources({ paths, endpoint }: Mount, protect: Protect): [path: string, Resource][] {
  const mcp = protect(paths.mcp, endpoint.mcp);
  return [
    [paths.mcp, mcp],
    [`${paths.mcp}/`, mcp],
    [paths.sse, protect(paths.sse, endpoint.sse)],
    [paths.messages, protect(paths.sse, endpoint.messages)],
  ];
}
