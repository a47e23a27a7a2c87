// Explains ngrok's error codes to a person, and says what to do about each: https://ngrok.com/docs/errors.
// ngrok's own text is shown for unknown codes only: some of its texts repeat the authtoken.
import { UserError } from "../../errors.ts";
import { explainUnreachable, type Obstacle } from "./reachability.ts";
import type { SessionError } from "./session.ts";
import type { AttemptFailure } from "../supervisor.ts";

interface Explanation {
  problem: string;
  hint: string;
}

const GET_AUTHTOKEN = "copy yours from https://dashboard.ngrok.com/get-started/your-authtoken";
const NEW_AUTHTOKEN: Explanation = {
  problem: "ngrok does not accept this authtoken",
  hint: `It was revoked or is not an authtoken: ${GET_AUTHTOKEN}`,
};
const FOREIGN_DOMAIN: Explanation = {
  problem: "This ngrok account may not use %domain",
  hint: "Leave out --domain to use the account's own, or see https://dashboard.ngrok.com/domains",
};
const TOO_MANY_AGENTS: Explanation = {
  problem: "This ngrok account already runs as many agents as it may",
  hint: "Stop one of them: https://dashboard.ngrok.com/agents",
};
const TOO_MANY_ENDPOINTS: Explanation = {
  problem: "This ngrok account already has as many endpoints as it may",
  hint: "Stop one of them: https://dashboard.ngrok.com/endpoints",
};
const UNVERIFIED: Explanation = {
  problem: "This ngrok account has an unverified e-mail address",
  hint: "Verify it at https://dashboard.ngrok.com/user/settings",
};
const SUSPENDED: Explanation = {
  problem: "ngrok has suspended this account",
  hint: "See https://dashboard.ngrok.com or write to support@ngrok.com",
};

const EXPLANATIONS: Record<string, Explanation> = {
  ERR_NGROK_4018: {
    problem: "ngrok needs an authtoken, and none is set",
    hint:
      `Sign up at https://dashboard.ngrok.com/signup (free), ${GET_AUTHTOKEN}, ` +
      "and set NGROK_AUTHTOKEN. To stay on this machine, use --tunnel none.",
  },
  ERR_NGROK_105: {
    problem: "ngrok does not recognise the authtoken",
    hint: `It is incomplete, or it is an API key, which does not work here: ${GET_AUTHTOKEN}`,
  },
  ERR_NGROK_106: {
    problem: "This authtoken is from ngrok 1",
    hint: `Those no longer work: ${GET_AUTHTOKEN}`,
  },
  ERR_NGROK_107: NEW_AUTHTOKEN,
  ERR_NGROK_300: NEW_AUTHTOKEN,
  ERR_NGROK_108: TOO_MANY_AGENTS,
  ERR_NGROK_348: TOO_MANY_AGENTS,
  ERR_NGROK_324: TOO_MANY_ENDPOINTS,
  ERR_NGROK_350: TOO_MANY_ENDPOINTS,
  ERR_NGROK_334: {
    problem: "ngrok says that %domain is already online",
    hint: "Another mcp-expose or ngrok agent serves it. Stop that one: https://dashboard.ngrok.com/endpoints",
  },
  ERR_NGROK_313: {
    problem: "ngrok reserves %domain for paid accounts",
    hint: "Leave out --domain to use the account's own, or see https://dashboard.ngrok.com/billing",
  },
  ERR_NGROK_314: FOREIGN_DOMAIN,
  ERR_NGROK_319: FOREIGN_DOMAIN,
  ERR_NGROK_320: FOREIGN_DOMAIN,
  ERR_NGROK_121: {
    problem: "ngrok no longer accepts agents of this version",
    hint: "Update mcp-expose to the newest version.",
  },
  ERR_NGROK_123: UNVERIFIED,
  ERR_NGROK_382: UNVERIFIED,
  ERR_NGROK_103: SUSPENDED,
  ERR_NGROK_8014: SUSPENDED,
};

/** Codes that trying again does not change: https://ngrok.com/docs/errors */
const PERMANENT = new Set(
  [
    [103, 105, 106, 107, 109, 116, 118, 121, 122, 123, 300, 382, 4018, 8014],
    [313, 314, 315, 316, 317, 318, 319, 320, 326, 327, 328, 329, 330, 331],
  ]
    .flat()
    .map((number) => `ERR_NGROK_${number}`),
);

/** A step of opening that did not succeed; `text` is the addon's, with the secrets removed. */
export interface FailedStep extends Pick<SessionError, "step" | "timedOut"> {
  text: string;
}

/** The endpoint that the addon was asked to open. */
export interface RequestedEndpoint {
  domain: string | undefined;
  server: string | undefined;
}

/** Why the tunnel did not open, and whether to try again. */
export async function classifyFailure(
  failure: FailedStep,
  requested: RequestedEndpoint,
): Promise<AttemptFailure> {
  const error = await explainFailure(failure, requested);
  const code = findErrorCode(failure.text);
  if (failure.step === "load" || (code && PERMANENT.has(code))) return { error, outlook: "permanent" };
  return { error, outlook: code === "ERR_NGROK_334" ? "occupied" : "transient" };
}

async function explainFailure(
  { step, timedOut, text }: FailedStep,
  requested: RequestedEndpoint,
): Promise<UserError> {
  if (step === "load") {
    const hint =
      "The single binary unpacks the agent into the temporary folder (TMPDIR), which must be writable. " +
      "If it is writable, reinstall mcp-expose, or run your own proxy and set --public-url.";
    return new UserError(`The ngrok agent cannot run on this machine: ${text}.`, hint, 1);
  }
  const code = findErrorCode(text);
  if (code) return explainRefusal(code, text, requested.domain);
  const obstacle = step === "connect" ? findObstacle(text, timedOut) : undefined;
  if (obstacle) return explainUnreachable(obstacle, requested.server);
  return new UserError(
    `ngrok did not open the tunnel: ${text}.`,
    "Try again, or see https://status.ngrok.com",
    1,
  );
}

/** Why ngrok ended an open tunnel on purpose; `text` is the addon's, with the secrets removed. */
export function classifyEnd(text: string, domain: string | undefined): AttemptFailure {
  const message = /message: "(.*?)", error_code/s.exec(text)?.[1] ?? text;
  const code = findErrorCode(text);
  const error = code
    ? explainRefusal(code, message, domain)
    : new UserError(`ngrok ended the tunnel: ${message}.`, "Start mcp-expose again.", 1);
  return { error, outlook: "permanent" };
}

/** Why ngrok refused; `text` is ngrok's, with the secrets removed. */
export function explainRefusal(code: string, text: string, domain: string | undefined): UserError {
  const { problem, hint } = EXPLANATIONS[code] ?? {
    problem: `ngrok refused: ${stripAddonText(text)}`,
    hint: `See https://ngrok.com/docs/errors/${code.toLowerCase()}`,
  };
  const name = domain === undefined ? "the account's domain" : `"${domain}"`;
  return new UserError(`${problem.replace("%domain", () => name)} (${code}).`, hint, 1);
}

/** The last code in an error of the addon, such as `ERR_NGROK_105`: the text before it may quote anything. */
function findErrorCode(text: string): string | undefined {
  return text.match(/ERR_NGROK_\d+/g)?.at(-1);
}

/** ngrok's sentences without the addon's additions. */
function stripAddonText(text: string): string {
  return text
    .replace(/^failed to (connect session|start listener): /, "")
    .replace(/\s*error_code: ERR_NGROK_\d+\s*$/, "")
    .replace(/\s+/g, " ");
}

function findObstacle(text: string, timedOut: boolean): Obstacle | undefined {
  if (timedOut) return "timeout";
  if (text.includes("failed to establish tcp connection")) return "tcp";
  if (text.includes("tls handshake error")) return "tls";
  return undefined;
}
