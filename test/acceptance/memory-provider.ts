// An OAuthClientProvider as an application would write one: it remembers what the SDK gives it, in memory,
// and has a login robot in place of a person's browser. Fits the interface of both SDK versions.
import type { LoginRobot } from "../login-robot.ts";

/** No server listens there: the robot stops before it. */
const CALLBACK = "http://127.0.0.1:1/callback";

/** The type arguments are the SDK's own records; what is in them is its business. */
export interface MemoryProvider<Client, Tokens, Discovery> {
  readonly redirectUrl: string;
  readonly clientMetadata: {
    client_name: string;
    redirect_uris: string[];
    grant_types: string[];
    response_types: string[];
    token_endpoint_auth_method: string;
  };
  state(): string;
  clientInformation(): Client | undefined;
  saveClientInformation(client: Client): void;
  tokens(): Tokens | undefined;
  saveTokens(tokens: Tokens): void;
  discoveryState(): Discovery | undefined;
  saveDiscoveryState(discovery: Discovery): void;
  /** The server has said that something kept here is worth nothing any more. */
  invalidateCredentials(scope: "all" | "client" | "tokens" | "verifier" | "discovery"): void;
  codeVerifier(): string;
  saveCodeVerifier(verifier: string): void;
  /** Has the robot approve. */
  redirectToAuthorization(url: URL): Promise<void>;
  /** The callback's parameters from the last approval. Their `state` has been compared. */
  callbackParams(): URLSearchParams;
  /** How often a person had to approve. */
  readonly approvals: number;
}

export function createMemoryProvider<Client, Tokens, Discovery>(
  robot: LoginRobot,
): MemoryProvider<Client, Tokens, Discovery> {
  const state = crypto.randomUUID();
  let client: Client | undefined;
  let tokens: Tokens | undefined;
  let discovery: Discovery | undefined;
  let verifier = "";
  let params = new URLSearchParams();
  let approvals = 0;
  return {
    redirectUrl: CALLBACK,
    clientMetadata: {
      client_name: "Acceptance test",
      redirect_uris: [CALLBACK],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    },
    state: () => state,
    clientInformation: () => client,
    saveClientInformation: (given) => void (client = given),
    tokens: () => tokens,
    saveTokens: (given) => void (tokens = given),
    discoveryState: () => discovery,
    saveDiscoveryState: (given) => void (discovery = given),
    invalidateCredentials(scope) {
      if (scope === "all" || scope === "client") client = undefined;
      if (scope === "all" || scope === "tokens") tokens = undefined;
      if (scope === "all" || scope === "discovery") discovery = undefined;
    },
    codeVerifier: () => verifier,
    saveCodeVerifier: (given) => void (verifier = given),
    async redirectToAuthorization(url) {
      approvals += 1;
      params = (await robot.approve(url)).searchParams;
      if (params.get("state") !== state) throw new Error("the callback's state is not the one that was sent");
    },
    callbackParams: () => params,
    get approvals() {
      return approvals;
    },
  };
}
