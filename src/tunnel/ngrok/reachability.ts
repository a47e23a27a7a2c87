// Finds out why ngrok could not be reached. The addon says "failed to establish tcp connection" or "tls handshake error"
// without the cause, so the connection is tried once more, up to the point where it fails.
import { lookup } from "node:dns/promises";
import { connect, isIP } from "node:net";
import { UserError } from "../../errors.ts";

/** ngrok's own ingress: https://ngrok.com/docs/agent/#network-requirements */
const NGROK_SERVER = "connect.ngrok-agent.com:443";
const PROBE_TIMEOUT = 3_000;
/** Short, so that a probe that began before the network's return does not hide it for long. */
const CHECK_TIMEOUT = 1_000;

/** The step that the addon did not get past: the connection, its TLS, or either of them in time. */
export type Obstacle = "tcp" | "tls" | "timeout";

type ServerProbe = { reached: "name" | "port"; error: string } | { reached: "server" };

export interface ServerCheck {
  /** Remembers the server's address for the time when its name cannot be looked up. */
  rememberAddress(): Promise<void>;
  /** Whether the server takes connections. */
  isReachable(): Promise<boolean>;
}

/**
 * Without a network the system's resolver asks again only every 5 s (resolv.conf(5), "timeout"), so the network's return
 * would be noticed late by name alone.
 *
 * @param server `host:port`; absent: ngrok's own
 */
export function createServerCheck(server = NGROK_SERVER): ServerCheck {
  const { host, port } = parseServer(server);
  let address: string | undefined;
  const isThere = async (where: string) => {
    const probe = await probeServer(where, port, CHECK_TIMEOUT);
    if (probe.reached !== "server") throw new Error(probe.error);
  };
  return {
    async rememberAddress() {
      if (isIP(host) === 0)
        address = await lookup(host).then(
          ({ address }) => address,
          () => address,
        );
    },
    isReachable() {
      const places = address === undefined ? [host] : [address, host];
      return Promise.any(places.map(isThere)).then(
        () => true,
        () => false,
      );
    },
  };
}

/** @param server `host:port`; absent: ngrok's own */
export async function explainUnreachable(obstacle: Obstacle, server = NGROK_SERVER): Promise<UserError> {
  const { host, port } = parseServer(server);
  const probe = await probeServer(host, port, PROBE_TIMEOUT);
  const [what, hint] = describe(probe, obstacle, host, String(port));
  return new UserError(what, hint, 1);
}

function parseServer(server: string): { host: string; port: number } {
  const { hostname, port } = new URL(`tcp://${server}`);
  return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 443) };
}

function describe(
  probe: ServerProbe,
  obstacle: Obstacle,
  host: string,
  port: string,
): [what: string, hint: string] {
  switch (probe.reached) {
    case "name":
      return [
        `ngrok cannot be reached: looking up "${host}" failed (${probe.error}).`,
        "Check that this machine is online. If it is, its DNS server blocks ngrok: allow that name, or use another DNS server.",
      ];
    case "port":
      return [
        `ngrok cannot be reached: no connection to "${host}" port ${port} (${probe.error}).`,
        "Check that this machine is online. If it is, a firewall blocks connections to that host and port; " +
          "ngrok cannot use an HTTP proxy.",
      ];
    case "server":
      return describeAnswering(obstacle, `"${host}" port ${port}`);
  }
}

function describeAnswering(obstacle: Obstacle, server: string): [what: string, hint: string] {
  switch (obstacle) {
    case "tcp":
      return [`ngrok could not be reached, but ${server} answers now.`, "Try again."];
    case "tls":
      return [
        `The server at ${server} could not prove that it is ngrok.`,
        "A proxy or virus scanner between here and ngrok opens TLS: exempt that host from it.",
      ];
    case "timeout":
      return [
        `ngrok does not answer: ${server} accepts connections and stays silent.`,
        "Try again, check https://status.ngrok.com, and check whether a proxy is in between.",
      ];
  }
}

function probeServer(host: string, port: number, timeout: number): Promise<ServerProbe> {
  const { promise, resolve } = Promise.withResolvers<ServerProbe>();
  let reached: "name" | "port" = isIP(host) ? "port" : "name";
  const socket = connect({ host, port });
  const timer = setTimeout(() => resolve({ reached, error: "no answer" }), timeout);
  socket.on("lookup", (error: Error | null) => {
    if (!error) reached = "port";
  });
  socket.on("connect", () => resolve({ reached: "server" }));
  socket.on("error", (error: NodeJS.ErrnoException) =>
    resolve({ reached, error: error.code ?? error.message }),
  );
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}
