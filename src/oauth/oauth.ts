// The OAuth 2.1 authorization server in front of the wrapped MCP server, and the guard of its resources: the contract
// the rest of the program sees, and where the endpoints are put together. Draft-ietf-oauth-v2-1; MCP authorization.
import type { Hono } from "hono";
import { UserError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Store } from "../store/store.ts";
import { type AccessPolicy, createAccessPolicy } from "./access/access-policy.ts";
import { type Authenticate, createBearerGuard } from "./access/bearer-guard.ts";
import { createChallenger } from "./access/challenge.ts";
import { listResourceScopes } from "./access/scopes.ts";
import { createToolScopes, type ToolScopeTable } from "./access/tool-scopes.ts";
import { createClients } from "./clients/clients.ts";
import type { PinnedGet } from "./clients/pinned-get.ts";
import type { DocumentPolicy } from "./clients/trusted-documents.ts";
import { createAuthorize } from "./endpoints/authorize.tsx";
import { withBrowserLanding } from "./endpoints/browser-landing.tsx";
import { createIntrospect, withIntrospector } from "./endpoints/introspect.ts";
import { createPendingSignIns } from "./endpoints/pending-sign-ins.ts";
import { createRegister } from "./endpoints/register.ts";
import { createRevoke } from "./endpoints/revoke.ts";
import { createOAuthRoutes } from "./endpoints/routes.tsx";
import { createToken } from "./endpoints/token.ts";
import { createPageResponder, type RespondWithPage } from "./pages/page-response.ts";
import { limitAttempts } from "./sign-in/attempts.ts";
import { createBrowserBinding } from "./sign-in/browser-binding.ts";
import type { SignIn, Subjects } from "./sign-in/sign-in.ts";
import { createMovableSite, type CurrentSite } from "./site.ts";
import { endUnconfigured, reportRevocation } from "./tokens/ended-access.ts";
import type { OnGrant } from "./tokens/grant-activity.ts";
import { createLastUses } from "./tokens/last-use.ts";
import { createRevocationWatch, type RevocationWatch } from "./tokens/revocation-watch.ts";
import type { RandomBytes } from "./secrets.ts";
import { createSweeper } from "./tokens/sweeper.ts";

export { checkIssuer } from "./site.ts";
export type { GrantActivity } from "./tokens/grant-activity.ts";
export type { AccessPolicy } from "./access/access-policy.ts";
export type { Principal } from "./access/principal.ts";

export interface OAuthOptions {
  /** Paths of what tokens are for, such as `/mcp` and `/sse`, under whatever URL we are; the first is the default. */
  resourcePaths: readonly string[];
  /** What is exposed, for people. */
  serverName: string;
  /** Fingerprint of the wrapped server: a grant for another one is not valid here. */
  serverId: string;
  /** How a person at the approval page shows that they may approve. */
  signIn: SignIn;
  /** Scopes besides the default one, and the tools each opens. */
  scopes: ToolScopeTable;
  /** Lets somebody without a token see what there is; calls still need one. */
  allowAnonymousDiscovery: boolean;
  /** Clients set up beforehand. */
  clients: readonly { id: string; secret?: string }[];
  /** Whose metadata documents are believed; absent: nobody's. */
  documents: DocumentPolicy | undefined;
  /** What another program asks about tokens with; without it only clients may, about their own. */
  introspectSecret?: string;
  /** Lifetimes in milliseconds. */
  accessTtl: number;
  refreshTtl: number;
  /** Redirect URIs allowed on top of https, loopback and the known assistants'. */
  allowRedirect: readonly string[];
  /** Closed by whoever opened it. */
  store: Store;
  /** Fetches what a stranger's URL leads to. */
  get: PinnedGet;
  now: () => number;
  random: RandomBytes;
  log: Log;
  onGrant: OnGrant;
  /** The address a request comes from, for throttling; whom to believe about it is the caller's business. */
  sourceOf(request: Request): string;
}

export interface OAuth {
  /**
   * Binds issuer, resources and cookies to this URL, which `checkIssuer` has let pass; to be called before the first request.
   * Tokens for the URL before are worth nothing from then on (RFC 8707 §2); everything else lives on.
   */
  moveTo(publicUrl: string): void;
  /** Every public route of the authorization server; CORS is added by whoever mounts it, but not on /authorize. */
  routes: Hono;
  /** Who a request to a resource speaks for, or the challenge to answer it with. `resourcePath` is such as `/mcp`. */
  authenticate: Authenticate;
  /** To be called when a request comes, and not when its credential is looked at once more. */
  noteUse(grantId: string): void;
  /** What somebody who got in may do; absent when everybody may do everything. */
  policy: AccessPolicy | undefined;
  /**
   * Called when a grant or one of its access tokens is revoked, so that streams opened under it can end;
   * the end of a token's time is in `Principal.expiresAt`. Returns a function that stops it.
   */
  onRevoked(listener: (grantId: string) => void): () => void;
  /**
   * Ends for good what was approved, for this server under this URL, by somebody who is no longer configured: a name that
   * is configured again may be another person's, or that of one who was taken out since a device was lost. They are refused
   * by name before, so this waits until the start has succeeded: one that fails, mistyped, costs nobody anything.
   */
  endUnconfigured(): void;
  /** Stops the timers. */
  close(): void;
}

/** @throws {UserError} when an option would make the server unsafe */
export function createOAuth(settings: OAuthOptions): OAuth {
  checkRedirects(settings);
  redactSecrets(settings);
  const site = createMovableSite(settings.resourcePaths);
  const options: OAuthParts = {
    ...settings,
    currentSite: site.current,
    resourceScopes: listResourceScopes(Object.keys(settings.scopes)),
    subjects: settings.signIn.subjects,
    respondWithPage: createPageResponder(),
  };
  const watch = createRevocationWatch({
    ...options,
    onGrantRevoked: (revocation) => reportRevocation(options, revocation),
  });
  const lastUses = createLastUses(options);
  const sweeper = createSweeper({ ...options, lastUses });
  return {
    moveTo: site.moveTo,
    routes: createRoutes(options, watch),
    ...createAccess(options),
    onRevoked: watch.listen,
    noteUse: (grantId) => lastUses.note(grantId, options.now()),
    endUnconfigured: () => endUnconfigured(options, watch),
    close() {
      watch.close();
      sweeper.close();
    },
  };
}

/** The options, and what several parts need of them. */
type OAuthParts = OAuthOptions & {
  currentSite: CurrentSite;
  resourceScopes: readonly string[];
  subjects: Subjects;
  respondWithPage: RespondWithPage;
};

/** What stands before the resources. */
function createAccess(options: OAuthParts): Pick<OAuth, "authenticate" | "policy"> {
  const challenger = createChallenger(options);
  const isLimited = options.allowAnonymousDiscovery || Object.keys(options.scopes).length > 0;
  return {
    authenticate: withBrowserLanding(
      { ...options, challenger },
      createBearerGuard({ ...options, challenger }),
    ),
    policy: isLimited
      ? createAccessPolicy({ ...options, challenger, toolScopes: createToolScopes(options.scopes) })
      : undefined,
  };
}

/** The endpoints of the authorization server. */
function createRoutes(options: OAuthParts, watch: RevocationWatch): Hono {
  const { documents, introspectSecret } = options;
  const { find, findReturning, createAuthentication } = createClients(options);
  const authenticateClient = createAuthentication(findReturning);
  return createOAuthRoutes({
    ...options,
    takesDocuments: documents !== undefined,
    authorize: createAuthorize({
      ...options,
      findClient: find,
      signIn: limitAttempts(options.signIn, options),
      pending: createPendingSignIns(options),
      binding: createBrowserBinding(options),
    }),
    token: createToken(options, authenticateClient),
    register: createRegister(options),
    revoke: createRevoke({ ...options, authenticateClient, onAccessRevoked: watch.announce }),
    introspect: createIntrospect({
      ...options,
      authenticateClient: createAuthentication(withIntrospector(findReturning, introspectSecret)),
    }),
    afterAnswer: watch.check,
  });
}

function checkRedirects({ allowRedirect }: OAuthOptions): void {
  const relative = allowRedirect.find((uri) => !URL.canParse(uri));
  if (relative === undefined) return;
  throw new UserError(
    `The allowed redirect "${relative}" is not a URI.`,
    "Give it in full, scheme included.",
  );
}

function redactSecrets({ log, clients, introspectSecret }: OAuthOptions): void {
  log.redact(introspectSecret ?? "");
  for (const { secret } of clients) if (secret !== undefined) log.redact(secret);
}
