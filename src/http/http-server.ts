// An HTTP server on a port of this machine whose handler is set later: the tunnel needs the port before the handler can
// know its public URL.
import type { Server } from "bun";
import { UserError } from "../errors.ts";

/** @param open how many requests are being answered at this server, this one included */
export type RequestHandler = (request: Request, open: number) => Response | Promise<Response>;

/** Answers until the handler is set. */
export const respondStarting: RequestHandler = () =>
  new Response("Starting.\n", { status: 503, headers: { "retry-after": "1" } });

export interface HttpServer {
  readonly port: number;
  /** The address at which this machine reaches it. */
  readonly target: { host: string; port: number };
  readonly origin: string;
  /** From now on requests go to `handler`; until the first one, they are answered 503. */
  serve(handler: RequestHandler): void;
  /** The address at the other end of a request's connection. */
  addressOf(request: Request): string;
  /** Removes the connection's idle timeout: a call may take as long as it takes. */
  disableIdleTimeout(request: Request): void;
  /** Cuts what is still open. */
  stop(): Promise<void>;
}

export interface HttpServerOptions {
  host: string;
  /** `null`: the first free one from 8787 on. */
  port: number | null;
  /** A proxy sends people to the port: another program that has it would get what they type on the approval page. */
  isProxied?: boolean;
}

export const FIRST_PORT = 8787;
const LAST_PORT = 8887;
/** Seconds a connection may be silent before its request has been handled. */
const IDLE_TIMEOUT = 30;

/** @throws {UserError} exit code 2: the port is taken, or the address is not one of this machine's */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { host, port } = options;
  let handler = respondStarting;
  const serve: Serve = (candidate) =>
    Bun.serve({
      hostname: host,
      port: candidate,
      idleTimeout: IDLE_TIMEOUT,
      // Bodies are limited further in, where the refusal can say why.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      development: false,
      // By default Bun shares a port with every program that asks for it, and the kernel deals out the requests.
      reusePort: false,
      fetch: (request, { pendingRequests }) => handler(request, pendingRequests),
    });
  const server =
    port === null && !options.isProxied
      ? serveOnFreePort(serve, host)
      : serveOnPort(serve, port ?? FIRST_PORT, options);
  const target = { host: reachableHost(host), port: server.port! };
  return {
    port: target.port,
    target,
    origin: `http://${target.host.includes(":") ? `[${target.host}]` : target.host}:${target.port}`,
    serve(next) {
      handler = next;
    },
    addressOf: (request) => server.requestIP(request)?.address ?? "",
    disableIdleTimeout: (request) => server.timeout(request, 0),
    stop: () => server.stop(true),
  };
}

type Serve = (port: number) => Server<undefined>;

function serveOnFreePort(serve: Serve, host: string): Server<undefined> {
  for (let port = FIRST_PORT; port <= LAST_PORT; port++) {
    try {
      return serve(port);
    } catch (thrown) {
      if (codeOf(thrown) !== "EADDRINUSE" || (port === FIRST_PORT && !canServe(serve)))
        throw explainBindError(thrown, serve, port, { host });
    }
  }
  return serve(0);
}

function serveOnPort(serve: Serve, port: number, options: BindOptions): Server<undefined> {
  try {
    return serve(port);
  } catch (thrown) {
    throw explainBindError(thrown, serve, port, options);
  }
}

type BindOptions = Pick<HttpServerOptions, "host" | "isProxied">;

function explainBindError(
  thrown: unknown,
  serve: Serve,
  port: number,
  { host, isProxied }: BindOptions,
): unknown {
  switch (codeOf(thrown)) {
    case "EADDRINUSE":
      if (!canServe(serve)) return unknownAddress(host);
      return new UserError(
        `Port ${port} is in use.`,
        isProxied
          ? "Your proxy sends people there: stop the program that uses it, or set another port with --port and in the proxy."
          : "Stop the program that uses it, set another port with --port, or leave --port out.",
      );
    case "EACCES":
      return new UserError(
        `You may not use port ${port}.`,
        "Ports under 1024 are reserved; set another with --port.",
      );
    case "EADDRNOTAVAIL":
    // The codes for a name that cannot be resolved; which one depends on what failed last.
    case "EINVAL":
    case "ENOENT":
    case "ENOTFOUND":
      return unknownAddress(host);
    default:
      return thrown;
  }
}

function unknownAddress(host: string): UserError {
  return new UserError(
    `"${host}" is not an address of this machine.`,
    "Use --host 127.0.0.1, or leave --host out.",
  );
}

/** Bun says EADDRINUSE of a name that cannot be resolved, too; but some port is always free on an address of this machine. */
function canServe(serve: Serve): boolean {
  try {
    void serve(0).stop(true);
    return true;
  } catch {
    return false;
  }
}

function codeOf(thrown: unknown): unknown {
  return (thrown as { code?: unknown } | null)?.code;
}

/** An address that listens everywhere is reached on loopback. */
function reachableHost(host: string): string {
  return host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
}
