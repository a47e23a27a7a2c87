// Where the tunnel's own requests come in: a Unix socket in a folder that no other user can enter. A request that arrives
// there came through the tunnel, so what the tunnel says of it is trusted. Nothing else is: anyone reaches the loopback port.
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf } from "../errors.ts";
import { printable } from "../printable.ts";
import { type RequestHandler, respondStarting } from "./http-server.ts";

export interface TunnelServer {
  /** The path of the socket. */
  readonly socket: string;
  serve(handler: RequestHandler): void;
  /** Whether a request came in here. */
  received(request: Request): boolean;
  /** Cuts what is still open. */
  stop(): Promise<void>;
}

/** The longest path that every system takes (macOS: unix(4), 104 with the end). Bun takes longer ones that no one can connect to. */
const MAX_SOCKET_PATH = 103;
const SOCKET = "tunnel.sock";
/** Bun's types have no idle timeout for such a socket; without one it is ten seconds. */
const NO_TIMEOUT: object = { idleTimeout: 0 };

/** Milliseconds between two checks that the socket is still there: what cleans up temporary files takes it, too. */
const CHECK_EVERY = 5_000;

export interface TunnelServerOptions {
  platform: NodeJS.Platform;
  /** Folders to try to put the socket in, best first. */
  folders: readonly string[];
  warn(line: string): void;
}

/** A person's own temporary folder may have a long path, or not exist. */
export function listSocketFolders(env: Readonly<Record<string, string | undefined>>): string[] {
  // A relative one is to be ignored (XDG Base Directory Specification, "Basics").
  return [env["XDG_RUNTIME_DIR"] ?? "", tmpdir(), "/tmp"].filter((folder) => folder.startsWith("/"));
}

/** @returns undefined where there are no such sockets, or no folder for one */
export function createTunnelServer({
  platform,
  folders,
  warn,
}: TunnelServerOptions): TunnelServer | undefined {
  if (platform === "win32") return undefined;
  let reason = "";
  for (const folder of folders) {
    try {
      return serveBelow(folder, warn);
    } catch (thrown) {
      reason = messageOf(thrown);
    }
  }
  warn(
    `The tunnel has no socket of its own (${printable(reason)}), so everyone on the internet counts as one address: ` +
      "wrong tries by one person hold up all others. Set TMPDIR to a short path of a folder that you can write to.",
  );
  return undefined;
}

function serveBelow(parent: string, warn: (line: string) => void): TunnelServer {
  if (Buffer.byteLength(join(parent, "mcp-expose-XXXXXX", SOCKET)) > MAX_SOCKET_PATH)
    throw new Error(`the path ${parent} is too long`);
  // mode 0700
  const folder = mkdtempSync(join(parent, "mcp-expose-"));
  try {
    return serveIn(folder, warn);
  } catch (thrown) {
    rmSync(folder, { recursive: true, force: true });
    throw thrown;
  }
}

function serveIn(folder: string, warn: (line: string) => void): TunnelServer {
  const path = join(folder, SOCKET);
  const received = new WeakSet<Request>();
  let handler = respondStarting;
  const open = () =>
    Bun.serve({
      unix: path,
      // On a Unix socket Bun has no idle timeout for a single request, and one for all would cut long calls. A head has ten
      // seconds even so, a body its own limits (request-body.ts), and every response ends its connection (last-response.ts).
      ...NO_TIMEOUT,
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      development: false,
      fetch(request, { pendingRequests }) {
        received.add(request);
        return handler(request, pendingRequests);
      },
    });
  const servers = [open()];
  const stopChecking = keepSocket(folder, path, warn, () => void servers.push(open()));
  return {
    socket: path,
    serve(next) {
      handler = next;
    },
    received: (request) => received.has(request),
    async stop() {
      stopChecking();
      await Promise.all(servers.map((server) => server.stop(true)));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Makes the socket anew whenever it has gone. Requests on the old one go on.
 *
 * @param reopen listens on `path` once more
 * @returns ends that
 */
function keepSocket(
  folder: string,
  path: string,
  warn: (line: string) => void,
  reopen: () => void,
): () => void {
  let known = identifySocket(path);
  let hasWarned = false;
  const warnOnce = (line: string) => {
    if (!hasWarned) warn(line);
    hasWarned = true;
  };
  const check = () => {
    if (identifySocket(path) === known) return;
    try {
      makeOwnFolder(folder);
      rmSync(path, { force: true });
      reopen();
      known = identifySocket(path);
    } catch (thrown) {
      return warnOnce(
        `The tunnel's socket has gone, and cannot be made again: ${printable(messageOf(thrown))}`,
      );
    }
    warnOnce(
      `The tunnel's socket had gone from ${folder}, and was made again. Does something clean up there?`,
    );
  };
  const timer = setInterval(check, CHECK_EVERY);
  timer.unref();
  return () => clearInterval(timer);
}

/** Names the socket at a path: one that someone else put there has another name. Undefined for anything but a socket. */
function identifySocket(path: string): string | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isSocket() ? `${stat.dev} ${stat.ino}` : undefined;
}

/** @throws when another user has put something in its place */
function makeOwnFolder(folder: string): void {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  if (stat === undefined) return mkdirSync(folder, { mode: 0o700 });
  if (!stat.isDirectory() || stat.uid !== process.getuid?.())
    throw new Error(`${folder} belongs to another user`);
  chmodSync(folder, 0o700);
}
