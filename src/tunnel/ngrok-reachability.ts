// Why ngrok could not be reached. The addon says "failed to establish tcp connection" or "tls handshake error" and
// drops the cause, so the way there is tried once more, up to the point where it fails.
import { connect, isIP } from "node:net";
import { UserError } from "../errors.ts";

/** ngrok's own ingress: https://ngrok.com/docs/agent/#network-requirements */
const NGROK_SERVER = "connect.ngrok-agent.com:443";
const PROBE_TIMEOUT = 3_000;
/** Short, so that a probe begun before the network's return does not hide it for long. */
const LOOK_TIMEOUT = 1_500;

/** How far the addon came: no connection, a connection without TLS, or neither success nor failure in time. */
export type Obstacle = "tcp" | "tls" | "timeout";

type Probe = { reached: "name" | "port"; error: string } | { reached: "server" };

/** Whether ngrok takes connections. */
export async function canReach(server = NGROK_SERVER): Promise<boolean> {
  return (await probeServer(server, LOOK_TIMEOUT)).reached === "server";
}

/** @param server `host:port`; absent: ngrok's own */
export async function explainUnreachable(obstacle: Obstacle, server = NGROK_SERVER): Promise<UserError> {
  const { hostname, port } = new URL(`tcp://${server}`);
  const probe = await probeServer(server, PROBE_TIMEOUT);
  const [what, hint] = describe(probe, obstacle, hostname, port || "443");
  return new UserError(what, hint, 1);
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

function probeServer(server: string, timeout: number): Promise<Probe> {
  const { hostname, port } = new URL(`tcp://${server}`);
  const host = hostname.replace(/^\[|\]$/g, "");
  const { promise, resolve } = Promise.withResolvers<Probe>();
  let reached: "name" | "port" = isIP(host) ? "port" : "name";
  const socket = connect({ host, port: Number(port || 443) });
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
