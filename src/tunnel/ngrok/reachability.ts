// Why ngrok could not be reached. The addon says "failed to establish tcp connection" or "tls handshake error" and
// drops the cause, so the way there is tried once more, up to the point where it fails.
import { lookup } from "node:dns/promises";
import { connect, isIP } from "node:net";
import { UserError } from "../../errors.ts";

/** ngrok's own ingress: https://ngrok.com/docs/agent/#network-requirements */
const NGROK_SERVER = "connect.ngrok-agent.com:443";
const PROBE_TIMEOUT = 3_000;
/** Short, so that a probe begun before the network's return does not hide it for long. */
const LOOK_TIMEOUT = 1_000;

/** How far the addon came: no connection, a connection without TLS, or neither success nor failure in time. */
export type Obstacle = "tcp" | "tls" | "timeout";

type Probe = { reached: "name" | "port"; error: string } | { reached: "server" };

export interface Lookout {
  /** Remembers where the server is, for the time when its name cannot be looked up. */
  learn(): Promise<void>;
  /** Whether the server takes connections. */
  look(): Promise<boolean>;
}

/**
 * A system's resolver asks again only every 5 s where nobody answers (resolv.conf(5), "timeout"), so that the
 * network's return would be noticed late by name alone.
 *
 * @param server `host:port`; absent: ngrok's own
 */
export function createLookout(server = NGROK_SERVER): Lookout {
  const { host, port } = parseServer(server);
  let address: string | undefined;
  const isThere = async (where: string) => {
    const probe = await probeServer(where, port, LOOK_TIMEOUT);
    if (probe.reached !== "server") throw new Error(probe.error);
  };
  return {
    async learn() {
      if (isIP(host) === 0)
        address = await lookup(host).then(
          ({ address }) => address,
          () => address,
        );
    },
    look() {
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
  probe: Probe,
  obstacle: Obstacle,
  host: string,
  port: string,
): [what: string, hint: string] {
  switch (probe.reached) {
    case "name":
      return [
        `ngrok cannot be reached: "${host}" cannot be looked up (${probe.error}).`,
        "Is this machine online? If it is, its DNS server blocks ngrok: allow that name, or use another DNS server.",
      ];
    case "port":
      return [
        `ngrok cannot be reached: no connection to "${host}" port ${port} (${probe.error}).`,
        "Is this machine online? If it is, a firewall blocks the way out to that host and port; " +
          "ngrok cannot go through an HTTP proxy.",
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
        `ngrok cannot be trusted: what answers at ${server} does not prove to be ngrok.`,
        "A proxy or virus scanner that opens TLS stands in between: exempt that host from it.",
      ];
    case "timeout":
      return [
        `ngrok does not answer: ${server} takes connections and stays silent.`,
        "Try again, see https://status.ngrok.com, and ask whether a proxy stands in between.",
      ];
  }
}

function probeServer(host: string, port: number, timeout: number): Promise<Probe> {
  const { promise, resolve } = Promise.withResolvers<Probe>();
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
