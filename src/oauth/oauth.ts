// The OAuth 2.1 authorization server in front of the wrapped MCP server, and the guard of its resources: the contract
// the rest of the program sees, and where the endpoints are put together. Draft-ietf-oauth-v2-1; MCP authorization.
import type { Hono } from "hono";
import { UserError } from "../errors.ts";
import type { Log } from "../log.ts";
import { type Later, type Store, whenKnown } from "../store/store.ts";
import { type AccessPolicy, createAccessPolicy } from "./access/access-policy.ts";
import { type BearerGuard, createBearerGuard } from "./access/bearer-guard.ts";
import { createChallenger } from "./access/challenge.ts";
import { listResourceScopes } from "./access/scopes.ts";
import { createToolScopes, type ToolScopeTable } from "./access/tool-scopes.ts";
import { createClientRegistry } from "./clients/client-registry.ts";
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
import { createMovableSite, type CurrentSite } from "./issuer.ts";
import { withFailureReports } from "./store-failure.ts";
import type { Schedule } from "./tokens/background-task.ts";
import { createUnconfiguredEnd } from "./tokens/end-unconfigured.ts";
import type { OnGrant } from "./tokens/grant-activity.ts";
import { createLastUses } from "./tokens/last-use.ts";
import { reportRevocation } from "./tokens/revocation-report.ts";
import {
  createRevocationWatch,
  type RevocationListener,
  type RevocationWatch,
} from "./tokens/revocation-watch.ts";
import type { RandomBytes } from "./secrets.ts";
import { createSweeper } from "./tokens/sweeper.ts";

export { checkIssuer } from "./issuer.ts";
export type { GrantActivity } from "./tokens/grant-activity.ts";
export type { AccessPolicy } from "./access/access-policy.ts";
export type { Authentication } from "./access/bearer-guard.ts";
export type { Principal } from "./access/principal.ts";

export interface OAuthOptions {
  /** Paths of the resources that tokens are for, such as `/mcp` and `/sse`; the first is the default. */
  resourcePaths: readonly string[];
  /** Name of the wrapped server, for people. */
  serverName: string;
  /** Identifies the wrapped server: a grant for another one is not valid here. */
  serverId: string;
  /** How a person at the approval page shows that they may approve. */
  signIn: SignIn;
  /** Secret; signs approval forms. A page that is open when the program restarts with the same key can still be sent. */
  formKey: Uint8Array;
  /** Scopes besides the default one, and the tools each opens. */
  scopes: ToolScopeTable;
  /** Lets callers without a token list tools, prompts and resources; calls still need a token. */
  allowAnonymousDiscovery: boolean;
  /** Clients set up beforehand. */
  clients: readonly { id: string; secret?: string }[];
  /** Which metadata documents are trusted; absent: none. */
  documents: DocumentPolicy | undefined;
  /** Secret of a program that may ask about every token; without it clients alone may ask, about their own tokens. */
  introspectSecret?: string;
  /** Lifetimes in milliseconds. */
  accessTtl: number;
  refreshTtl: number;
  /** Redirect URIs allowed on top of https, loopback and the known assistants'. */
  allowRedirect: readonly string[];
  /** The caller closes it. */
  store: Store;
  /** Fetches documents from URLs that a stranger chose. */
  get: PinnedGet;
  now: () => number;
  /** Timers that do not keep the program from ending, unless given. */
  schedule?: Schedule;
  random: RandomBytes;
  log: Log;
  onGrant: OnGrant;
  /** The address a request comes from, for throttling; the caller decides which headers to trust for it. */
  sourceOf(request: Request): string;
}

export interface OAuth {
  /**
   * Binds issuer, resources and cookies to this URL, which must have passed `checkIssuer`. Call it before the first request.
   * Tokens for the previous URL are no longer valid (RFC 8707 §2); all other state is kept.
   */
  moveTo(publicUrl: string): void;
  /** Every public route of the authorization server. The caller adds CORS, but never under /authorize. */
  routes: Hono;
  /** Returns the principal of a request to a resource, or the challenge to answer it with. `resourcePath` is such as `/mcp`. */
  authenticate: BearerGuard["authenticate"];
  /** The same for a request that was let in before. Never waits; call it in any case after `authenticate` has waited. */
  recheck: BearerGuard["recheck"];
  /** Call it once for a request, and not when the same token is checked again. */
  noteUse(grantId: string): void;
  /** Which requests and tools a caller may use; absent when there are no limits. */
  policy: AccessPolicy | undefined;
  /**
   * Calls `listener` when a grant or one of its access tokens is revoked, so that streams opened under it can end;
   * `Principal.expiresAt` says when a token expires by itself. Without a grant, any may have ended. Returns a function that
   * stops it.
   */
  onRevoked(listener: RevocationListener): () => void;
  /**
   * Revokes what was approved, for this server under this URL, by people who are no longer configured: a name that is
   * configured again may be another person's, or that of a person who was removed since a device was lost. Their tokens are
   * refused by name before, so call it when the start has succeeded: a start that fails over a typing error must end no grant.
   */
  endUnconfigured(): Later<void>;
  /**
   * Stops the timers, writes the last uses of grants to the store, and waits for what is under way besides requests: the
   * store may be closed afterwards.
   */
  close(): Later<void>;
}

/** @throws {UserError} when an option would make the server unsafe */
export function createOAuth(settings: OAuthOptions): OAuth {
  checkRedirects(settings);
  redactSecrets(settings);
  const site = createMovableSite(settings.resourcePaths);
  const options: OAuthContext = {
    ...settings,
    store: withFailureReports(settings.store, settings.log),
    currentSite: site.current,
    resourceScopes: listResourceScopes(Object.keys(settings.scopes)),
    subjects: settings.signIn.subjects,
    respondWithPage: createPageResponder(),
  };
  const watch = createRevocationWatch({
    ...options,
    onGrantRevoked: (revocation) => reportRevocation(options, revocation),
  });
  const unconfigured = createUnconfiguredEnd(options, watch);
  const lastUses = createLastUses(options);
  const sweeper = createSweeper({ ...options, lastUses });
  return {
    moveTo: site.moveTo,
    routes: createRoutes(options, watch),
    ...createAccess(options),
    onRevoked: watch.listen,
    noteUse: (grantId) => lastUses.note(grantId, options.now()),
    endUnconfigured: unconfigured.run,
    close() {
      const [ended, watched, swept] = [unconfigured.settle(), watch.close(), sweeper.close()];
      return whenKnown(ended, () => whenKnown(watched, () => swept));
    },
  };
}

/** The options, and what is made of them for several parts. */
type OAuthContext = OAuthOptions & {
  currentSite: CurrentSite;
  resourceScopes: readonly string[];
  subjects: Subjects;
  respondWithPage: RespondWithPage;
};

/** The guards of the resources. */
function createAccess(options: OAuthContext): Pick<OAuth, "authenticate" | "recheck" | "policy"> {
  const challenger = createChallenger(options);
  const guard = createBearerGuard({ ...options, challenger });
  const isLimited = options.allowAnonymousDiscovery || Object.keys(options.scopes).length > 0;
  return {
    authenticate: withBrowserLanding({ ...options, challenger }, guard.authenticate),
    recheck: guard.recheck,
    policy: isLimited
      ? createAccessPolicy({ ...options, challenger, toolScopes: createToolScopes(options.scopes) })
      : undefined,
  };
}

/** The endpoints of the authorization server. */
function createRoutes(options: OAuthContext, watch: RevocationWatch): Hono {
  const { documents, introspectSecret } = options;
  const { find, findReturning, createAuthentication } = createClientRegistry(options);
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
    "Write the whole URI, including its scheme.",
  );
}

function redactSecrets({ log, clients, introspectSecret }: OAuthOptions): void {
  log.redact(introspectSecret ?? "");
  for (const { secret } of clients) if (secret !== undefined) log.redact(secret);
}
