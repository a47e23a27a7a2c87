// Gets an access token the way an assistant does: registration, approval by a person, code, token (OAuth 2.1 §4.1).
import { createHash, randomBytes } from "node:crypto";
import { createLoginRobot } from "../test/login-robot.ts";

const CALLBACK = "http://127.0.0.1:1/callback";

/**
 * @param origin of a running mcp-expose
 * @param pasted what its person pastes to approve
 */
export async function signIn(origin: string, pasted: string): Promise<string> {
  const registration = await fetch(`${origin}/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      redirect_uris: [CALLBACK],
      client_name: "bench",
      token_endpoint_auth_method: "none",
    }),
  });
  const { client_id } = (await registration.json()) as { client_id: string };
  const verifier = randomBytes(32).toString("base64url");
  const resource = `${origin}/mcp`;
  const query = new URLSearchParams({
    response_type: "code",
    client_id,
    redirect_uri: CALLBACK,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    resource,
  });
  const person = createLoginRobot({ token: pasted });
  const callback = await person.approve(`${origin}/authorize?${query.toString()}`);
  const answer = await fetch(`${origin}/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      code: callback.searchParams.get("code") ?? "",
      client_id,
      redirect_uri: CALLBACK,
      code_verifier: verifier,
      resource,
    }),
  });
  const { access_token } = (await answer.json()) as { access_token?: string };
  if (access_token === undefined) throw new Error(`no token: status ${answer.status}`);
  return access_token;
}
