// Where the tunnel's own requests come in: a Unix socket in a folder that no other user can enter. What arrives there came
// through the tunnel, so what the tunnel says of it is believed, and of nothing else: anybody reaches the port on loopback.
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { printable } from "../printable.ts";
import { type Handler, tellStarting } from "./http-server.ts";

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
const SOCKET = "tunnel.sock";
/** The types have it that there is none on such a socket; by default there are ten seconds. */
const NO_TIMEOUT: object = { idleTimeout: 0 };

/** Milliseconds between two looks at whether the socket is still there: what cleans up temporary files takes it, too. */
const LOOK = 5_000;

export interface TunnelListenerOptions {
  platform: NodeJS.Platform;
  /** Folders to try for a place, best first. */
  places: readonly string[];
  warn(line: string): void;
}

/** A person's own temporary folder may have a long path, or be nowhere. */
export function listSocketPlaces(env: Readonly<Record<string, string | undefined>>): string[] {
  // A relative one is to be ignored (XDG Base Directory Specification, "Basics").
  return [env["XDG_RUNTIME_DIR"] ?? "", tmpdir(), "/tmp"].filter((place) => place.startsWith("/"));
}

/** @returns undefined where there are no such sockets, or no place for one */
export function listenForTunnel({
  platform,
  places,
  warn,
}: TunnelListenerOptions): TunnelListener | undefined {
  if (platform === "win32") return undefined;
  let reason = "";
  for (const place of places) {
    try {
      return listenBelow(place, warn);
    } catch (thrown) {
      reason = (thrown as Error).message;
    }
  }
  warn(
    `The tunnel has no socket of its own (${printable(reason)}), so everybody on the internet counts as one address: ` +
      "wrong tries of one hold up all. Set TMPDIR to a short path of a folder that you can write to.",
  );
  return undefined;
}

function listenBelow(place: string, warn: (line: string) => void): TunnelListener {
  if (Buffer.byteLength(join(place, "mcp-expose-XXXXXX", SOCKET)) > LONGEST_PATH)
    throw new Error(`${place} is too long a path for one`);
  // mode 0700
  const folder = mkdtempSync(join(place, "mcp-expose-"));
  try {
    return listenIn(folder, warn);
  } catch (thrown) {
    rmSync(folder, { recursive: true, force: true });
    throw thrown;
  }
}

function listenIn(folder: string, warn: (line: string) => void): TunnelListener {
  const socket = join(folder, SOCKET);
  const own = new WeakSet<Request>();
  let handler = tellStarting;
  const open = () =>
    Bun.serve({
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
  let server = open();
  let made = identify(socket);
  let hasTold = false;
  const earlier: (typeof server)[] = [];
  const look = () => {
    if (identify(socket) === made) return;
    try {
      makeOwnFolder(folder);
      rmSync(socket, { force: true });
      // What is open on the old one goes on.
      earlier.push(server);
      server = open();
      made = identify(socket);
    } catch (thrown) {
      if (!hasTold)
        warn(`The tunnel's socket has gone, and cannot be made anew: ${printable(String(thrown))}`);
      hasTold = true;
      return;
    }
    if (!hasTold)
      warn(`The tunnel's socket had gone from ${folder}, and was made anew; does something clean up there?`);
    hasTold = true;
  };
  const looking = setInterval(look, LOOK);
  looking.unref();
  return {
    socket,
    serve(next) {
      handler = next;
    },
    has: (request) => own.has(request),
    async stop() {
      clearInterval(looking);
      await Promise.all([...earlier, server].map((each) => each.stop(true)));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What is at a path, if it is a socket: another one that somebody put there is another. */
function identify(path: string): string | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isSocket() ? `${stat.dev} ${stat.ino}` : undefined;
}

/** @throws somebody else has put something in its place */
function makeOwnFolder(folder: string): void {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  if (stat === undefined) return mkdirSync(folder, { mode: 0o700 });
  if (!stat.isDirectory() || stat.uid !== process.getuid?.()) throw new Error(`${folder} is somebody else's`);
  chmodSync(folder, 0o700);
}
