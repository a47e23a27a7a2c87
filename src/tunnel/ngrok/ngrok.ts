// The ngrok tunnel: checks what it is given, and keeps one endpoint open, an agent process after the other.
// No error text of ngrok goes out unread: some of them repeat the authtoken.
import { readFile } from "node:fs/promises";
import { messageOf, UserError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { beginAttempt } from "./attempt.ts";
import { explainRefusal } from "./errors.ts";
import { checkPolicy, composePolicy, type PolicyOptions } from "./traffic-policy.ts";
import type { AgentCommand } from "./agent-process.ts";
import { createLookout } from "./reachability.ts";
import type { Heartbeat, SessionSettings } from "./session.ts";
import { supervise, type SupervisorEnv } from "../supervisor.ts";
import { type Capabilities, type OpenTunnel, targetUrl } from "../tunnel.ts";

export interface NgrokOptions {
  /** Absent or blank: the tunnel is refused with advice on how to get one, and nothing is dialled. */
  authtoken?: string;
  /** One of the account's domains; absent: the one ngrok gave it. */
  domain?: string;
  policy?: PolicyOptions;
  /** Another ingress than ngrok's, `host:port`, and a PEM file with the root that vouches for it. For tests. */
  server?: string;
  caFile?: string;
  agent: AgentCommand;
  around: SupervisorEnv;
  log: Log;
  /** How long connecting and binding may take, each: milliseconds. */
  timeout?: number;
  heartbeat?: Heartbeat;
}

const TIMEOUT = 15_000;
/** A peer that has gone silent is noticed after the sum of both. */
export const HEARTBEAT: Heartbeat = { interval: 10, tolerance: 5 };

const CAPABILITIES: Capabilities = {
  stableUrl: true,
  streamsGet: true,
  account: true,
  // The addon drops its session, and every stream with it, at the 513th; what arrives while it is told so counts too.
  maxRequests: 400,
  // https://ngrok.com/docs/pricing-limits/free-plan-limits
  monthlyRequests: 20_000,
};

/** @throws {UserError} with exit code 2 for a domain that is not a host name, which the addon would panic at, or a policy that is none */
export function createNgrok(options: NgrokOptions): OpenTunnel {
  const { server, caFile, log, agent, around, timeout = TIMEOUT, heartbeat = HEARTBEAT } = options;
  const authtoken = options.authtoken?.trim() ?? "";
  const domain = options.domain === undefined ? undefined : parseDomain(options.domain);
  if (options.policy) checkPolicy(options.policy);
  log.redact(authtoken);
  const hide = (text: string) => text.replaceAll(authtoken, "[redacted]");

  return async (target, events, signal) => {
    if (authtoken === "") throw explainRefusal("ERR_NGROK_4018", "", domain);
    const ca = caFile === undefined ? undefined : await readCertificate(caFile);
    const policy = options.policy && (await composePolicy(options.policy));
    const settings: SessionSettings = {
      authtoken,
      forwardTo: target.socket === undefined ? targetUrl(target) : `unix:${target.socket}`,
      timeout,
      heartbeat,
      ...(domain !== undefined && { domain }),
      ...(policy !== undefined && { policy }),
      ...(server !== undefined && { server }),
      ...(ca !== undefined && { ca }),
    };
    const lookout = createLookout(server);
    const open = supervise(
      {
        kind: "ngrok",
        capabilities: CAPABILITIES,
        begin() {
          const attempt = beginAttempt({ agent, settings, asked: { domain, server }, hide, log });
          void attempt.opened.then(lookout.learn);
          return attempt;
        },
        isReachable: lookout.look,
      },
      around,
    );
    return open(target, events, signal);
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

async function readCertificate(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (thrown) {
    throw new UserError(`The certificate file "${file}" cannot be read: ${messageOf(thrown)}.`);
  }
}
