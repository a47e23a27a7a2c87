// A listener of Bun.serve whose handler can be put in later: the tunnel needs a port before the
// handler can know its public URL.
import type { Server } from "bun";
import { UserError } from "../errors.ts";

/** @param open how many requests are being answered at this listener, this one included */
export type Handler = (request: Request, open: number) => Response | Promise<Response>;

/** Answers until the right handler is put in. */
export const tellStarting: Handler = () =>
  new Response("Starting.\n", { status: 503, headers: { "retry-after": "1" } });

export interface Listener {
  readonly port: number;
  /** Where this machine reaches it. */
  readonly target: { host: string; port: number };
  readonly origin: string;
  /** From now on requests go to `handler`; before, they are told to come back. */
  serve(handler: Handler): void;
  /** The address at the other end of a request's connection. */
  addressOf(request: Request): string;
  /** Takes the connection's idle timeout away: a call may take as long as it takes. */
  allowSilence(request: Request): void;
  /** Cuts what is still open. */
  stop(): Promise<void>;
}

export interface ListenOptions {
  host: string;
  /** `null`: the first free one from 8787 on. */
  port: number | null;
  /** A proxy is set to the port: whoever has it instead of us would get what people type on the approval page. */
  isExpected?: boolean;
}

export const FIRST_PORT = 8787;
const LAST_PORT = 8887;
/** Seconds a connection may be silent before its request has been handled. */
const IDLE_TIMEOUT = 30;

/** @throws {UserError} exit code 2: the port is taken, or the address is not one of this machine's */
export function listen(options: ListenOptions): Listener {
  const { host, port } = options;
  let handler = tellStarting;
  const serve = (candidate: number): Server<undefined> =>
    Bun.serve({
      hostname: host,
      port: candidate,
      idleTimeout: IDLE_TIMEOUT,
      // Bodies are limited where their refusal can say why.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      development: false,
      // Outside development Bun shares a port with whoever else wants it, and the kernel deals out the requests.
      reusePort: false,
      fetch: (request, { pendingRequests }) => handler(request, pendingRequests),
    });
  const server =
    port === null && !options.isExpected
      ? serveOnFirstFree(serve, host)
      : serveOn(serve, port ?? FIRST_PORT, options);
  const target = { host: reachableHost(host), port: server.port! };
  return {
    port: target.port,
    target,
    origin: `http://${target.host.includes(":") ? `[${target.host}]` : target.host}:${target.port}`,
    serve(next) {
      handler = next;
    },
    addressOf: (request) => server.requestIP(request)?.address ?? "",
    allowSilence: (request) => server.timeout(request, 0),
    stop: () => server.stop(true),
  };
}

function serveOnFirstFree<T>(serve: (port: number) => T, host: string): T {
  for (let port = FIRST_PORT; port <= LAST_PORT; port++) {
    try {
      return serve(port);
    } catch (thrown) {
      if (codeOf(thrown) !== "EADDRINUSE") throw explain(thrown, port, host);
    }
  }
  return serve(0);
}

function serveOn<T>(serve: (port: number) => T, port: number, { host, isExpected }: ListenOptions): T {
  try {
    return serve(port);
  } catch (thrown) {
    throw explain(thrown, port, host, isExpected);
  }
}

function explain(thrown: unknown, port: number, host: string, isExpected = false): unknown {
  switch (codeOf(thrown)) {
    case "EADDRINUSE":
      return new UserError(
        `Port ${port} is in use.`,
        isExpected
          ? "Your proxy sends people there: stop what uses it, or name another with --port here and in the proxy."
          : "Stop what uses it, name another with --port, or leave --port out.",
      );
    case "EACCES":
      return new UserError(
        `Port ${port} may not be used by you.`,
        "Ports under 1024 are reserved; name another with --port.",
      );
    case "EADDRNOTAVAIL":
    // What the system makes of a name that cannot be resolved: the code is that of whatever failed last.
    case "EINVAL":
    case "ENOENT":
    case "ENOTFOUND":
      return new UserError(
        `"${host}" is not an address of this machine.`,
        "Use --host 127.0.0.1, or leave --host out.",
      );
    default:
      return thrown;
  }
}

function codeOf(thrown: unknown): unknown {
  return (thrown as { code?: unknown } | null)?.code;
}

/** An address that listens everywhere is reached on loopback. */
function reachableHost(host: string): string {
  return host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
}
