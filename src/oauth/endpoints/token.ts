// The token endpoint (RFC 6749 §3.2): who is the client, which grant, and no cache in between.
import { answerJson } from "../wire/json-response.ts";
import type { AuthenticateClient } from "../clients/client-authentication.ts";
import { exchangeCode } from "./code-exchange.ts";
import { refuse } from "../failure.ts";
import type { CurrentSite } from "../issuer.ts";
import type { IssueOptions } from "../tokens/issue.ts";
import { readForm } from "../wire/parameters.ts";
import { createRefreshLimits, refresh } from "./refresh.ts";

export function createToken(
  options: IssueOptions & { currentSite: CurrentSite },
  authenticateClient: AuthenticateClient,
): (request: Request) => Promise<Response> {
  const limits = createRefreshLimits(options);
  return async (request) => {
    const form = await readForm(request);
    const client = await authenticateClient(request, form);
    const grantType = form.get("grant_type");
    switch (grantType) {
      case "authorization_code":
        return answerJson(await exchangeCode(options, client, form));
      case "refresh_token":
        return answerJson(await refresh({ ...options, ...limits }, client, form));
      case undefined:
        return refuse({ kind: "bad-request", description: "grant_type is missing." });
      default:
        return refuse({ kind: "unsupported-grant-type", grantType });
    }
  };
}
