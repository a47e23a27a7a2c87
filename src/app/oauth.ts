// The authorization server of a run, made of its config: who may approve, and for which mounts.
import { lookup } from "node:dns/promises";
import type { Ready } from "./event.ts";
import type { Mounts } from "./mount.ts";
import type { AppIO, Run } from "./run.ts";
import type { Config } from "../config/config.ts";
import { UserError } from "../errors.ts";
import type { PublicServer } from "../http/public-server.ts";
import { createOAuth, type OAuth, type OAuthOptions } from "../oauth/oauth.ts";
import { createPinnedGet } from "../oauth/clients/pinned-get.ts";
import type { Store } from "../store/store.ts";
import { openStore } from "../store/sqlite/sqlite-store.ts";
import { NAME, VERSION } from "../version.ts";

/** How a person may approve a client, and the store of what was approved. */
export interface Access {
  credential: Approver;
  store: Store;
}

export type Approver = OAuthOptions["credential"];

/** @returns undefined when no one has to approve anything */
export async function openAccess({ config, io, lifecycle }: Run): Promise<Access | undefined> {
  if (config.auth === "none") return undefined;
  const store = await lifecycle.open(
    "the store",
    () => openStore(config.store),
    (opened) => opened.close(),
  );
  return { credential: chooseCredential(config, io), store };
}

/** How the person at the approval page proves that they may approve. */
function chooseCredential(config: Config, { random }: Pick<AppIO, "random">): Approver {
  const given = config.token === undefined ? {} : { token: config.token };
  if (config.users.length > 0) return { kind: "password", users: config.users, ...given };
  if (config.token !== undefined) return { kind: "token", token: config.token };
  return { kind: "token", token: Buffer.from(random(24)).toString("base64url"), isRandom: true };
}

/** The part of it that the person who started us gets to see. */
export function describeCredential(credential: Approver | undefined): Ready["credential"] {
  if (credential === undefined) return null;
  if (credential.kind === "token") return { kind: "token", token: credential.token };
  const { users, token } = credential;
  return { kind: "password", users: users.map(({ name }) => name), ...(token !== undefined && { token }) };
}

export function openOAuth(
  { config, io, lifecycle }: Run,
  access: Access,
  mounts: Mounts,
  { sourceOf }: Pick<PublicServer, "sourceOf">,
): Promise<MovableOAuth> {
  const [{ name, serverId, scopes }] = mounts;
  const { introspectSecret } = config;
  const { now, random, log } = io;
  const options: MovableOAuthOptions = {
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
    () => createMovableOAuth(options),
    (oauth) => oauth.close(),
  );
}

/** An authorization server whose public URL may become another one. */
export interface MovableOAuth extends Omit<OAuth, "permission"> {
  /** Everything it publishes and accepts names `publicUrl` from now on. */
  moveTo(publicUrl: string): void;
  policy: OAuth["permission"];
}

type MovableOAuthOptions = Omit<OAuthOptions, "publicUrl" | "resources"> & {
  resourcePaths: readonly string[];
};

function createMovableOAuth({ resourcePaths, ...options }: MovableOAuthOptions): MovableOAuth {
  let current: OAuth | undefined;
  const listeners: ((grantId: string) => void)[] = [];
  return {
    moveTo(publicUrl) {
      current?.close();
      current = createOAuth({
        ...options,
        publicUrl,
        resources: resourcePaths.map((path) => publicUrl + path),
      });
      for (const listener of listeners) current.onRevoked(listener);
    },
    get routes() {
      return current!.routes;
    },
    get policy() {
      return current!.permission;
    },
    authenticate: (request, path) => current!.authenticate(request, path),
    noteUse: (grantId) => current!.noteUse(grantId),
    onRevoked(listener) {
      listeners.push(listener);
      return () => {};
    },
    endUnconfigured: () => current!.endUnconfigured(),
    close: () => current?.close(),
  };
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
