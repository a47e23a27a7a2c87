// The ngrok tunnel: checks its options, and keeps one endpoint open, one agent process after the other.
// An error text of ngrok is never shown unread: some of them repeat the authtoken.
import { readFile } from "node:fs/promises";
import { messageOf, UserError } from "../../errors.ts";
import { beginAttempt } from "./attempt.ts";
import { explainRefusal } from "./errors.ts";
import { checkPolicy, composePolicy, type PolicyOptions } from "./traffic-policy.ts";
import type { AgentCommand } from "./agent-process.ts";
import { createServerCheck } from "./reachability.ts";
import type { Heartbeat, SessionSettings } from "./session.ts";
import { type AttemptFactory, supervise, type SupervisorTiming } from "../supervisor.ts";
import { targetUrl, type TunnelProvider, type TunnelResources, type TunnelTarget } from "../tunnel.ts";

export interface NgrokOptions extends TunnelResources {
  /** Absent or blank: the tunnel is refused with advice on how to get one, and no connection is made. */
  authtoken?: string;
  /** One of the account's domains; absent: the one that ngrok assigned to it. */
  domain?: string;
  policy?: PolicyOptions;
  /** Another ingress than ngrok's, `host:port`, and a PEM file with the root that vouches for it. For tests. */
  server?: string;
  caFile?: string;
  agent: AgentCommand;
  timing: SupervisorTiming;
  /** How long connecting and binding may take, each: milliseconds. */
  timeout?: number;
  heartbeat?: Heartbeat;
}

const TIMEOUT = 15_000;
/** A silent peer is noticed after the sum of both. */
export const HEARTBEAT: Heartbeat = { interval: 10, tolerance: 5 };

/** `create` throws for a domain that is not a host name, at which the addon would panic, and for a policy that is not valid. */
export const ngrok: TunnelProvider<NgrokOptions> = {
  capabilities: {
    stableUrl: true,
    streamsGet: true,
    account: true,
    takesSocket: true,
    // The addon drops its session, and every stream with it, at the 513th. Requests that arrive while others are refused
    // count too.
    maxRequests: 400,
    // https://ngrok.com/docs/pricing-limits/free-plan-limits
    monthlyRequests: 20_000,
    caveat: 'On ngrok\'s free plan your browser first shows a notice: press "Visit Site".',
  },
  create(options) {
    const { log, timing } = options;
    const authtoken = options.authtoken?.trim() ?? "";
    const domain = options.domain === undefined ? undefined : parseDomain(options.domain);
    if (options.policy) checkPolicy(options.policy);
    log.redact(authtoken);
    return async (target, events, signal) => {
      if (authtoken === "") throw explainRefusal("ERR_NGROK_4018", "", domain);
      const settings = await composeSettings({ ...options, authtoken }, domain, target);
      const open = supervise(createAttempts(options, settings), timing);
      return open(target, events, signal);
    };
  },
};

async function composeSettings(
  options: NgrokOptions & { authtoken: string },
  domain: string | undefined,
  target: TunnelTarget,
): Promise<SessionSettings> {
  const { authtoken, server, caFile, timeout = TIMEOUT, heartbeat = HEARTBEAT } = options;
  const ca = caFile === undefined ? undefined : await readCertificate(caFile);
  const policy = options.policy && (await composePolicy(options.policy));
  return {
    authtoken,
    forwardTo: target.socket === undefined ? targetUrl(target) : `unix:${target.socket}`,
    timeout,
    heartbeat,
    ...(domain !== undefined && { domain }),
    ...(policy !== undefined && { policy }),
    ...(server !== undefined && { server }),
    ...(ca !== undefined && { ca }),
  };
}

function createAttempts({ agent, log }: NgrokOptions, settings: SessionSettings): AttemptFactory {
  const { authtoken, domain, server } = settings;
  const check = createServerCheck(server);
  const redact = (text: string) => text.replaceAll(authtoken, "[redacted]");
  return {
    name: "ngrok",
    begin() {
      const attempt = beginAttempt({ agent, settings, requested: { domain, server }, redact, log });
      void attempt.opened.then(check.rememberAddress);
      return attempt;
    },
    isReachable: check.isReachable,
  };
}

/** A host name with at least two labels (RFC 1123 §2.1), in lower case. */
function parseDomain(value: string): string {
  const domain = value.trim().toLowerCase();
  const label = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
  if (domain.length <= 253 && new RegExp(`^(${label}\\.)+${label}$`).test(domain)) return domain;
  const hint = "Use the name alone, such as my-name.ngrok-free.dev: no https://, port or path.";
  throw new UserError(`The domain "${value}" is not a host name.`, hint);
}

async function readCertificate(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (thrown) {
    throw new UserError(`The certificate file "${file}" cannot be read: ${messageOf(thrown)}.`);
  }
}
