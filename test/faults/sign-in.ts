// Everything a client does to get in, and everything secret that comes of it (OAuth 2.1 §4.1 and §4.3).
import { createHash, randomBytes } from "node:crypto";
import { createLoginRobot, type Typed } from "../login-robot.ts";

const CALLBACK = "http://127.0.0.1:1/callback";

export interface SignedIn {
  clientId: string;
  /** Only of a client that registers for one. */
  clientSecret: string | undefined;
  code: string;
  verifier: string;
  access: string;
  refresh: string;
  /** The headers that let a request in. */
  headers: Record<string, string>;
}

/** @param resource what the token is for, such as `http://127.0.0.1:8787/mcp` */
export async function signIn(resource: string, typed: Typed): Promise<SignedIn> {
  const { origin } = new URL(resource);
  const registration = await register(origin);
  if (!registration.ok) throw new Error(`not registered: status ${registration.status}`);
  const { client_id: clientId, client_secret: clientSecret } = (await registration.json()) as Registered;
  const verifier = randomBytes(32).toString("base64url");
  const query = new URLSearchParams({
    response_type: "code",
    client_id: clientId,
    redirect_uri: CALLBACK,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    resource,
  });
  const callback = await createLoginRobot(typed).approve(`${origin}/authorize?${query.toString()}`);
  const code = callback.searchParams.get("code") ?? "";
  const client = { client_id: clientId, ...(clientSecret !== undefined && { client_secret: clientSecret }) };
  const tokens = await askForTokens(origin, {
    grant_type: "authorization_code",
    code,
    redirect_uri: CALLBACK,
    code_verifier: verifier,
    ...client,
  });
  return { clientId, clientSecret, code, verifier, ...tokens };
}

/** Trades the refresh token for new ones. */
export async function refresh(resource: string, signedIn: SignedIn): Promise<SignedIn> {
  const { clientId, clientSecret } = signedIn;
  const tokens = await askForTokens(new URL(resource).origin, {
    grant_type: "refresh_token",
    refresh_token: signedIn.refresh,
    client_id: clientId,
    ...(clientSecret !== undefined && { client_secret: clientSecret }),
  });
  return { ...signedIn, ...tokens };
}

export function register(origin: string): Promise<Response> {
  return fetch(`${origin}/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      redirect_uris: [CALLBACK],
      client_name: "A client",
      token_endpoint_auth_method: "client_secret_post",
    }),
  });
}

interface Registered {
  client_id: string;
  client_secret?: string;
}

async function askForTokens(origin: string, form: Record<string, string>) {
  const answer = await fetch(`${origin}/token`, { method: "POST", body: new URLSearchParams(form) });
  const { access_token: access, refresh_token: renewal } = (await answer.json()) as Record<string, string>;
  if (access === undefined || renewal === undefined) throw new Error(`no tokens: status ${answer.status}`);
  return { access, refresh: renewal, headers: { authorization: `Bearer ${access}` } };
}
