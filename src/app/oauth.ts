// The authorization server of a run, made of its config: who may approve, and for which mounts.
import { lookup } from "node:dns/promises";
import type { Identity } from "./identity.ts";
import type { Mounts } from "./mount.ts";
import type { PublicUrl } from "./public-url.ts";
import type { AppIO, Run } from "./run-context.ts";
import type { Config } from "../config/config.ts";
import { UserError } from "../errors.ts";
import type { PublicServer } from "../http/public-server.ts";
import { checkIssuer, createOAuth, type OAuth, type OAuthOptions } from "../oauth/oauth.ts";
import { createPasswordOrToken } from "../oauth/sign-in/password-or-token.ts";
import { createPasswordSignIn } from "../oauth/sign-in/password.ts";
import { createPastedToken } from "../oauth/sign-in/pasted-token.ts";
import type { SignIn } from "../oauth/sign-in/sign-in.ts";
import { createPinnedGet } from "../oauth/clients/pinned-get.ts";
import type { Store } from "../store/store.ts";
import { NAME, VERSION } from "../version.ts";

/** How a person may approve a client, and the store of what was approved. */
export interface Access {
  signIn: SignIn;
  store: Store;
  /** Signs approval forms. */
  formKey: Uint8Array;
}

/** @returns undefined when no one has to approve anything */
export function chooseAccess({ config, io }: Run, store: Store, { formKey }: Identity): Access | undefined {
  return config.auth === "none" ? undefined : { signIn: chooseSignIn(config, io), store, formKey };
}

/** How the person at the approval page shows that they may approve. */
function chooseSignIn({ users, token }: Config, { log, random }: Pick<AppIO, "log" | "random">): SignIn {
  if (users.length > 0 && token !== undefined) return createPasswordOrToken({ users, token, log });
  if (users.length > 0) return createPasswordSignIn({ users, log });
  if (token !== undefined) return createPastedToken({ token, log });
  return createPastedToken({ token: Buffer.from(random(24)).toString("base64url"), isRandom: true, log });
}

/** @throws {UserError} the public URL cannot be an OAuth issuer */
export async function openOAuth(
  { config, io, lifecycle }: Run,
  access: Access,
  mounts: Mounts,
  { publicServer: { sourceOf }, url }: { publicServer: PublicServer; url: PublicUrl },
): Promise<OAuth> {
  checkIssuer(url.current);
  const [{ name, serverId, scopes }] = mounts;
  const { introspectSecret } = config;
  const { now, random, log } = io;
  const options: OAuthOptions = {
    now,
    random,
    log,
    ...access,
    sourceOf,
    ...chooseDocuments(config, io),
    serverName: name,
    serverId,
    scopes,
    resourcePaths: mounts.flatMap(({ paths }) => [paths.mcp, paths.sse]),
    allowAnonymousDiscovery: config.auth === "optional",
    ...(introspectSecret !== undefined && { introspectSecret }),
    clients: config.client ? [config.client] : [],
    accessTtl: config.accessTtl,
    refreshTtl: config.refreshTtl,
    allowRedirect: config.allowRedirect,
    onGrant: (event) => io.emit({ event: "grant", ...event }),
  };
  return lifecycle.open(
    "the authorization server",
    () => createOAuth(options),
    (oauth) => oauth.close(),
  );
}

const PRIVATE_FETCH = "MCP_EXPOSE_ALLOW_PRIVATE_FETCH";

/** @throws {UserError} exit code 2 */
export function refusePrivateFetch({ tunnel }: Config, { env }: Pick<AppIO, "env">): void {
  if (env[PRIVATE_FETCH] !== "1" || tunnel === "none") return;
  throw new UserError(
    `${PRIVATE_FETCH} would let everyone on the internet make this machine fetch from itself.`,
    "It is for tests: unset it, or use --tunnel none.",
  );
}

/** The metadata documents that clients may be known by, and the way they are fetched. */
function chooseDocuments({ allowClient, denyClient }: Config, { env }: Pick<AppIO, "env">) {
  const allowLoopback = env[PRIVATE_FETCH] === "1";
  return {
    documents:
      allowClient?.length === 0
        ? undefined
        : { ...(allowClient && { allow: allowClient }), deny: denyClient, allowHttp: allowLoopback },
    get: createPinnedGet({
      resolve: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
      allowLoopback,
      userAgent: `${NAME}/${VERSION}`,
    }),
  };
}
