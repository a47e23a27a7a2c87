// The ngrok tunnel: checks what it is given, opens one endpoint, and tells its fate in a person's words.
// No error text of ngrok goes out unread: some of them repeat the authtoken.
import { readFile } from "node:fs/promises";
import { messageOf, UserError } from "../errors.ts";
import type { Log } from "../log.ts";
import { explainEnd, explainFailure, explainRefusal } from "./ngrok-errors.ts";
import {
  type Endpoint,
  type Heartbeat,
  openEndpoint,
  SessionError,
  type SessionEvents,
} from "./ngrok-session.ts";
import type { OpenTunnel, TunnelEvents, TunnelTarget } from "./tunnel.ts";

export interface NgrokOptions {
  /** Absent or blank: the tunnel is refused with advice on how to get one, and nothing is dialled. */
  authtoken?: string;
  /** One of the account's domains; absent: the one ngrok gave it. */
  domain?: string;
  /** Another ingress than ngrok's, `host:port`, and a PEM file with the root that vouches for it. For tests. */
  server?: string;
  caFile?: string;
  log: Log;
  /** How long connecting and binding may take, each: milliseconds. */
  timeout?: number;
  heartbeat?: Heartbeat;
}

const TIMEOUT = 15_000;
const HEARTBEAT: Heartbeat = { interval: 10, tolerance: 5 };

/** @throws {UserError} with exit code 2 for a domain that is not a host name: the addon would panic */
export function createNgrok(options: NgrokOptions): OpenTunnel {
  const { server, caFile, log, timeout = TIMEOUT, heartbeat = HEARTBEAT } = options;
  const authtoken = options.authtoken?.trim() ?? "";
  const domain = options.domain === undefined ? undefined : parseDomain(options.domain);
  log.redact(authtoken);

  return async (target, events) => {
    if (authtoken === "") throw explainRefusal("ERR_NGROK_4018", "", domain);
    const ca = caFile === undefined ? undefined : await readCertificate(caFile);
    const say = (text: string) => text.replaceAll(authtoken, "[redacted]");
    const fate = createFate(events, (text) => explainEnd(say(text), domain));
    const settings = {
      authtoken,
      forwardTo: urlOf(target),
      timeout,
      heartbeat,
      ...(domain !== undefined && { domain }),
      ...(server !== undefined && { server }),
      ...(ca !== undefined && { ca }),
    };
    let endpoint: Endpoint;
    try {
      endpoint = await openEndpoint(settings, fate);
    } catch (thrown) {
      if (!(thrown instanceof SessionError)) throw thrown;
      log.debug(`ngrok: ${thrown.step} failed: ${say(thrown.message)}`);
      throw await explainFailure(thrown, say(thrown.message), { domain, server });
    }
    const url = endpoint.url.replace(/\/$/, "");
    fate.begin(url);
    return {
      kind: "ngrok",
      url,
      close() {
        fate.end();
        return endpoint.close();
      },
    };
  };
}

/**
 * Makes the tunnel's events of the session's. An answered heartbeat after a break says that ngrok is there again;
 * that it also gave the URL back is more than the addon tells.
 */
function createFate(events: TunnelEvents, explain: (reason: string) => UserError) {
  let state: "opening" | "up" | "down" | "over" = "opening";
  let url = "";
  const goDown = (reason: string) => {
    if (state !== "up") return;
    state = "down";
    events.down(reason);
  };
  const sessionEvents: SessionEvents = {
    heartbeat(answered) {
      if (!answered) return goDown("ngrok no longer answers");
      if (state !== "down") return;
      state = "up";
      events.up(url);
    },
    disconnected: () => goDown("the connection to ngrok broke"),
    ended(reason) {
      if (state === "over") return;
      state = "over";
      const { message, hint } = explain(reason);
      events.failed(message, hint);
    },
  };
  return {
    ...sessionEvents,
    begin(opened: string) {
      url = opened;
      state = "up";
    },
    end: () => void (state = "over"),
  };
}

/** A host name with at least two labels (RFC 1123 §2.1), in lower case. */
function parseDomain(value: string): string {
  const domain = value.trim().toLowerCase();
  const label = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
  if (domain.length <= 253 && new RegExp(`^(${label}\\.)+${label}$`).test(domain)) return domain;
  const hint = "Give the host name alone, such as my-app.ngrok-free.dev: no https://, port or path.";
  throw new UserError(`The domain "${value}" is not a host name.`, hint);
}

async function readCertificate(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (thrown) {
    throw new UserError(`The certificate file "${file}" cannot be read: ${messageOf(thrown)}.`);
  }
}

function urlOf({ host, port }: TunnelTarget): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
