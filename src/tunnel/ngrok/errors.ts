// What ngrok's error codes mean to the person in front of us, and what to do about each.
// https://ngrok.com/docs/errors. ngrok's own words are shown for unknown codes only: some of them repeat the authtoken.
import { UserError } from "../../errors.ts";
import { explainUnreachable, type Obstacle } from "./reachability.ts";
import type { SessionError } from "./session.ts";
import type { Setback } from "../supervisor.ts";

interface Advice {
  what: string;
  hint: string;
}

const GET_AUTHTOKEN = "copy yours from https://dashboard.ngrok.com/get-started/your-authtoken";
const NEW_AUTHTOKEN: Advice = {
  what: "ngrok does not accept the authtoken",
  hint: `It was revoked, or belongs to something else: ${GET_AUTHTOKEN}`,
};
const FOREIGN_DOMAIN: Advice = {
  what: "ngrok does not give %domain to this account",
  hint: "Leave out --domain to get the account's own, or see https://dashboard.ngrok.com/domains",
};
const TOO_MANY_AGENTS: Advice = {
  what: "ngrok allows this account no further agent",
  hint: "Stop another one: https://dashboard.ngrok.com/agents",
};
const TOO_MANY_ENDPOINTS: Advice = {
  what: "ngrok allows this account no further endpoint",
  hint: "Stop another one: https://dashboard.ngrok.com/endpoints",
};
const UNVERIFIED: Advice = {
  what: "ngrok wants the account's e-mail address verified",
  hint: "Do so at https://dashboard.ngrok.com/user/settings",
};
const SUSPENDED: Advice = {
  what: "ngrok has suspended this account",
  hint: "See https://dashboard.ngrok.com or write to support@ngrok.com",
};

const ADVICE: Record<string, Advice> = {
  ERR_NGROK_4018: {
    what: "ngrok wants an authtoken, and none is set",
    hint:
      `Sign up at https://dashboard.ngrok.com/signup (free), ${GET_AUTHTOKEN}, ` +
      "and set NGROK_AUTHTOKEN. Or stay local with --tunnel none.",
  },
  ERR_NGROK_105: {
    what: "ngrok does not recognise the authtoken",
    hint: `It is not a whole one (an API key is something else): ${GET_AUTHTOKEN}`,
  },
  ERR_NGROK_106: { what: "The authtoken is one of ngrok 1", hint: `It no longer works: ${GET_AUTHTOKEN}` },
  ERR_NGROK_107: NEW_AUTHTOKEN,
  ERR_NGROK_300: NEW_AUTHTOKEN,
  ERR_NGROK_108: TOO_MANY_AGENTS,
  ERR_NGROK_348: TOO_MANY_AGENTS,
  ERR_NGROK_324: TOO_MANY_ENDPOINTS,
  ERR_NGROK_350: TOO_MANY_ENDPOINTS,
  ERR_NGROK_334: {
    what: "ngrok says that %domain is already online",
    hint: "Another mcp-expose or ngrok serves it: stop that one (https://dashboard.ngrok.com/endpoints).",
  },
  ERR_NGROK_313: {
    what: "ngrok gives %domain to paying accounts only",
    hint: "Leave out --domain to get the account's own, or see https://dashboard.ngrok.com/billing",
  },
  ERR_NGROK_314: FOREIGN_DOMAIN,
  ERR_NGROK_319: FOREIGN_DOMAIN,
  ERR_NGROK_320: FOREIGN_DOMAIN,
  ERR_NGROK_121: {
    what: "ngrok no longer takes agents of this version",
    hint: "Update mcp-expose to the newest version.",
  },
  ERR_NGROK_123: UNVERIFIED,
  ERR_NGROK_382: UNVERIFIED,
  ERR_NGROK_103: SUSPENDED,
  ERR_NGROK_8014: SUSPENDED,
};

/** What a person has to put right first: https://ngrok.com/docs/errors */
const FINAL = new Set(
  [
    [103, 105, 106, 107, 109, 116, 118, 121, 122, 123, 300, 382, 4018, 8014],
    [313, 314, 315, 316, 317, 318, 319, 320, 326, 327, 328, 329, 330, 331],
  ]
    .flat()
    .map((number) => `ERR_NGROK_${number}`),
);

/** A step of opening that did not succeed; `text` is the addon's, free of secrets. */
export interface Failure extends Pick<SessionError, "step" | "timedOut"> {
  text: string;
}

export interface Asked {
  domain: string | undefined;
  server: string | undefined;
}

/** What to tell when the tunnel did not open, and whether to try again. */
export async function judgeFailure(failure: Failure, asked: Asked): Promise<Setback> {
  const error = await explainFailure(failure, asked);
  const code = findErrorCode(failure.text);
  if (failure.step === "load" || (code && FINAL.has(code))) return { error, outlook: "final" };
  return { error, outlook: code === "ERR_NGROK_334" ? "occupied" : "passing" };
}

async function explainFailure({ step, timedOut, text }: Failure, asked: Asked): Promise<UserError> {
  if (step === "load") {
    const hint =
      "The single binary unpacks the agent into the temporary folder (TMPDIR), which must be writable. " +
      "If it is, reinstall mcp-expose, or run your own proxy and name it with --public-url.";
    return new UserError(`The ngrok agent cannot run on this machine: ${text}.`, hint, 1);
  }
  const code = findErrorCode(text);
  if (code) return explainRefusal(code, text, asked.domain);
  const obstacle = step === "connect" ? findObstacle(text, timedOut) : undefined;
  if (obstacle) return explainUnreachable(obstacle, asked.server);
  return new UserError(
    `ngrok did not open the tunnel: ${text}.`,
    "Try again, or see https://status.ngrok.com",
    1,
  );
}

/** What to tell when ngrok has ended an open tunnel on purpose; `text` is the addon's, free of secrets. */
export function judgeEnd(text: string, domain: string | undefined): Setback {
  const said = /message: "(.*?)", error_code/s.exec(text)?.[1] ?? text;
  const code = findErrorCode(text);
  const error = code
    ? explainRefusal(code, said, domain)
    : new UserError(`ngrok ended the tunnel: ${said}.`, "Start mcp-expose again.", 1);
  return { error, outlook: "final" };
}

/** What to tell about a refusal; `text` is ngrok's own, free of secrets. */
export function explainRefusal(code: string, text: string, domain: string | undefined): UserError {
  const { what, hint } = ADVICE[code] ?? {
    what: `ngrok refused: ${stripFrame(text)}`,
    hint: `See https://ngrok.com/docs/errors/${code.toLowerCase()}`,
  };
  const name = domain === undefined ? "the account's domain" : `"${domain}"`;
  return new UserError(`${what.replace("%domain", () => name)} (${code}).`, hint, 1);
}

/** The last code in an error of the addon, such as `ERR_NGROK_105`: what stands before it may quote anything. */
function findErrorCode(text: string): string | undefined {
  return text.match(/ERR_NGROK_\d+/g)?.at(-1);
}

/** ngrok's sentences without what the addon puts around them. */
function stripFrame(text: string): string {
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
