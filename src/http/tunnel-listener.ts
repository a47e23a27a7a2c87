// Where the tunnel's own requests come in: a Unix socket in a folder that no other user can enter. What arrives there came
// through the tunnel, so what the tunnel says of it is believed, and of nothing else: anybody reaches the port on loopback.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Handler, tellStarting } from "./listen.ts";

export interface TunnelListener {
  /** The path of the socket. */
  readonly socket: string;
  serve(handler: Handler): void;
  /** Whether a request came in here. */
  has(request: Request): boolean;
  /** Cuts what is still open. */
  stop(): Promise<void>;
}

/** What every system takes (macOS: unix(4), 104 with the end). Bun takes more, and nobody could connect. */
const LONGEST_PATH = 103;
/** The types have it that there is none on such a socket; by default there are ten seconds. */
const NO_TIMEOUT: object = { idleTimeout: 0 };

/** @returns undefined where there are no such sockets, or no place for one */
export function listenForTunnel(platform: NodeJS.Platform): TunnelListener | undefined {
  if (platform === "win32") return undefined;
  let folder: string | undefined;
  try {
    // mode 0700
    folder = mkdtempSync(join(tmpdir(), "mcp-expose-"));
    return listenIn(folder);
  } catch {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    return undefined;
  }
}

function listenIn(folder: string): TunnelListener {
  const socket = join(folder, "tunnel.sock");
  if (Buffer.byteLength(socket) > LONGEST_PATH) throw new Error("The path of the socket is too long.");
  const own = new WeakSet<Request>();
  let handler = tellStarting;
  const server = Bun.serve({
    unix: socket,
    // On a Unix socket Bun has no idle timeout for a single request, and one for all would cut long calls. A head has ten
    // seconds even so, a body its own limits (request-body.ts), and every answer ends its connection (last-answer.ts).
    ...NO_TIMEOUT,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    development: false,
    fetch(request, { pendingRequests }) {
      own.add(request);
      return handler(request, pendingRequests);
    },
  });
  return {
    socket,
    serve(next) {
      handler = next;
    },
    has: (request) => own.has(request),
    async stop() {
      await server.stop(true);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
