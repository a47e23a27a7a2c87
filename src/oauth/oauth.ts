// The OAuth 2.1 authorization server in front of the wrapped MCP server, and the guard of its resources: the contract
// the rest of the program sees, and where the endpoints are put together. Draft-ietf-oauth-v2-1; MCP authorization.
import type { Hono } from "hono";
import { UserError } from "../errors.ts";
import type { Log } from "../log.ts";
import { type Later, type Revocation, type Store, whenKnown } from "../store/store.ts";
import { createAuthorize } from "./endpoints/authorize.tsx";
import { type BearerGuard, createBearerGuard } from "./access/bearer-guard.ts";
import { createBrowserBinding } from "./sign-in/browser-binding.ts";
import { createChallenger } from "./access/challenge.ts";
import { createAssertionCheck } from "./clients/client-assertion.ts";
import { createClientAuthentication } from "./clients/client-authentication.ts";
import { createClientFinder, type FindClient } from "./clients/client.ts";
import { readKeyDocument } from "./clients/metadata-document.ts";
import { createSourceCount } from "./sign-in/counted-source.ts";
import { createDocumentCache } from "./clients/document-cache.ts";
import { createDocumentClients, type DocumentPolicy } from "./clients/document-clients.ts";
import { endUnconfigured } from "./tokens/end-unconfigured.ts";
import type { OnGrant } from "./tokens/grant-event.ts";
import { createIntrospect, withIntrospector } from "./endpoints/introspect.ts";
import { createLastUses } from "./tokens/last-use.ts";
import { createSignIn, type Credential, listSubjects, OWNER } from "./sign-in/sign-in.ts";
import { type AnswerPage, createPageAnswer } from "./endpoints/page-response.ts";
import { displayClient, displayName } from "./pages/display.ts";
import { createAccessPolicy, type AccessPolicy } from "./access/access-policy.ts";
import type { PinnedGet } from "./clients/pinned-get.ts";
import { createRegister } from "./endpoints/register.ts";
import {
  createRevocationWatch,
  type RevocationListener,
  type RevocationWatch,
} from "./tokens/revocation-watch.ts";
import { createRevoke } from "./endpoints/revoke.ts";
import { createOAuthRoutes } from "./endpoints/routes.tsx";
import { listResourceScopes } from "./access/scopes.ts";
import type { RandomBytes } from "./tokens/secrets.ts";
import type { Schedule } from "./tokens/background-task.ts";
import { withFailureReports } from "./store-failure.ts";
import { createSweeper } from "./tokens/sweeper.ts";
import { createToken } from "./endpoints/token.ts";
import { createToolScopes, type ToolScopeTable } from "./access/tool-scopes.ts";
import { greetVisitors } from "./endpoints/browser-landing.tsx";

export type { GrantEvent } from "./tokens/grant-event.ts";
export type { AccessPolicy } from "./access/access-policy.ts";
export type { Authentication } from "./access/bearer-guard.ts";
export type { Principal } from "./access/principal.ts";

/** Several keys, some long ones. */
const MAX_KEYS_BYTES = 32 * 1024;

export interface OAuthOptions {
  /** The issuer: the public origin, https unless loopback, without a trailing slash. */
  publicUrl: string;
  /** What tokens are for, such as `https://host/mcp` and `https://host/sse`; the first is the default. */
  resources: readonly string[];
  /** What is exposed, for people. */
  serverName: string;
  /** Fingerprint of the wrapped server: a grant for another one is not valid here. */
  serverId: string;
  credential: Credential;
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
  /** Timers that do not keep the program from ending, unless given. */
  schedule?: Schedule;
  random: RandomBytes;
  log: Log;
  onGrant: OnGrant;
  /** The address a request comes from, for throttling; whom to believe about it is the caller's business. */
  sourceOf(request: Request): string;
}

export interface OAuth {
  /** Every public route of the authorization server; CORS is added by whoever mounts it, but not on /authorize. */
  routes: Hono;
  /** Who a request to a resource speaks for, or the challenge to answer it with. `resourcePath` is such as `/mcp`. */
  authenticate: BearerGuard["authenticate"];
  /** The same for a request that was let in before. Never waits; needed in any case after `authenticate` has waited. */
  recheck: BearerGuard["recheck"];
  /** To be called when a request comes, and not when its credential is looked at once more. */
  noteUse(grantId: string): void;
  /** What somebody who got in may do; absent when everybody may do everything. */
  permission: AccessPolicy | undefined;
  /**
   * Called when a grant or one of its access tokens is revoked, so that streams opened under it can end;
   * the end of a token's time is in `Principal.expiresAt`. Without a grant, any may have ended. Returns a function that
   * stops it.
   */
  onRevoked(listener: RevocationListener): () => void;
  /**
   * Ends for good what was approved, for this server under this URL, by somebody who is no longer configured: a name that
   * is configured again may be another person's, or that of one who was taken out since a device was lost. They are refused
   * by name before, so this waits until the start has succeeded: one that fails, mistyped, costs nobody anything.
   */
  endUnconfigured(): Later<void>;
  /** Stops the timers, and waits for what they have under way: the store may be closed afterwards. */
  close(): Later<void>;
}

/** @throws {UserError} when an option would make the server unsafe */
export function createOAuth(settings: OAuthOptions): OAuth {
  checkOptions(settings);
  redactSecrets(settings);
  const resourceScopes = listResourceScopes(Object.keys(settings.scopes));
  const subjects = listSubjects(settings.credential);
  const store = withFailureReports(settings.store, settings.log);
  const options = { ...settings, store, resourceScopes, subjects, answerPage: createPageAnswer() };
  const challenger = createChallenger(options);
  const watch = createRevocationWatch({
    ...options,
    onGrantRevoked: (revocation) => tellRevoked(options, revocation),
  });
  const guard = createBearerGuard({ ...options, challenger });
  const lastUses = createLastUses(options);
  const sweeper = createSweeper({ ...options, lastUses });
  return {
    routes: createRoutes(options, watch),
    authenticate: greetVisitors({ ...options, challenger }, guard.authenticate),
    recheck: guard.recheck,
    permission: isLimited(options)
      ? createAccessPolicy({ ...options, challenger, toolScopes: createToolScopes(options.scopes) })
      : undefined,
    onRevoked: watch.listen,
    noteUse: (grantId) => lastUses.note(grantId, options.now()),
    endUnconfigured: () => endUnconfigured(options, watch),
    close() {
      const [watched, swept] = [watch.close(), sweeper.close()];
      return whenKnown(watched, () => swept);
    },
  };
}

function isLimited({ scopes, allowAnonymousDiscovery }: OAuthOptions): boolean {
  return allowAnonymousDiscovery || Object.keys(scopes).length > 0;
}

type CompleteOptions = OAuthOptions & {
  resourceScopes: readonly string[];
  subjects: ReadonlySet<string>;
  answerPage: AnswerPage;
};

function createRoutes(options: CompleteOptions, watch: RevocationWatch): Hono {
  const { documents, get, introspectSecret } = options;
  const countSource = createSourceCount(options);
  const finder = createClientFinder({
    ...options,
    countSource,
    documents: documents && createDocumentClients({ ...options, policy: documents }),
  });
  const keys = createDocumentCache({ ...options, get, maxBytes: MAX_KEYS_BYTES, read: readKeyDocument });
  const findAssertionFlaw = createAssertionCheck({ ...options, keys });
  const authenticating = (findClient: FindClient) =>
    createClientAuthentication({ ...options, findClient, findAssertionFlaw, countSource });
  const authenticateClient = authenticating(finder.findReturning);
  const binding = createBrowserBinding(options);
  return createOAuthRoutes({
    ...options,
    takesDocuments: documents !== undefined,
    authorize: createAuthorize({
      ...options,
      findClient: finder.find,
      login: createSignIn(options),
      binding,
    }),
    token: createToken(options, authenticateClient),
    register: createRegister(options),
    revoke: createRevoke({ ...options, authenticateClient, onAccessRevoked: watch.announce }),
    introspect: createIntrospect({
      ...options,
      authenticateClient: authenticating(withIntrospector(finder.findReturning, introspectSecret)),
    }),
    afterAnswer: watch.check,
  });
}

function tellRevoked({ log, onGrant }: OAuthOptions, revocation: Revocation): void {
  const clientName = displayClient(revocation.clientName, revocation.clientId);
  // A code or token used twice is in two hands, and one of them is a thief's.
  if (revocation.reason === "replay") {
    log.warn(`A code or refresh token of "${clientName}" was used twice; its grant is revoked.`);
  }
  if (revocation.reason === "unconfigured") {
    log.warn(
      `"${displayName(revocation.subject)}" is no longer configured, so what was approved under that name has ended.`,
    );
  }
  onGrant({ state: "revoked", ...revocation, clientName });
}

function checkOptions({ publicUrl, credential, allowRedirect }: OAuthOptions): void {
  const url = URL.canParse(publicUrl) ? new URL(publicUrl) : undefined;
  const isLocal = url !== undefined && ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
  if (url?.origin !== publicUrl || !(url.protocol === "https:" || (url.protocol === "http:" && isLocal))) {
    throw new UserError(
      `The public URL "${publicUrl}" cannot be an OAuth issuer.`,
      "Use an https origin without a path, such as https://mcp.example.com; http is for loopback only.",
    );
  }
  if (credential.kind === "token" ? credential.token.trim() === "" : credential.users.length === 0) {
    throw new UserError(
      "Nobody could approve a connection.",
      "Set --token or --user to something that is not empty.",
    );
  }
  if (credential.kind === "password" && credential.users.some(({ name }) => name === OWNER)) {
    throw new UserError(
      `"${OWNER}" cannot be a user: what was approved by the token is known by that name.`,
      "Take another name with --user.",
    );
  }
  const relative = allowRedirect.find((uri) => !URL.canParse(uri));
  if (relative !== undefined) {
    throw new UserError(
      `The allowed redirect "${relative}" is not a URI.`,
      "Give it in full, scheme included.",
    );
  }
}

function redactSecrets({ log, credential, clients, introspectSecret }: OAuthOptions): void {
  log.redact(introspectSecret ?? "");
  log.redact(credential.token ?? "");
  for (const { secret } of clients) if (secret !== undefined) log.redact(secret);
}
