// The authorization server a run has, made of its config; the part of the start-up story that knows who gets in.
import { lookup } from "node:dns/promises";
import type { AppEvent, Ready } from "./event.ts";
import type { Config } from "../config/config.ts";
import type { Caller } from "../eras/caller.ts";
import { UserError } from "../errors.ts";
import type { Log } from "../log.ts";
import { listGrants, listUnconfigured, revokeAll, revokeGrant } from "../oauth/tokens/grants.ts";
import { createOAuth, type OAuth, type OAuthOptions, type Principal } from "../oauth/oauth.ts";
import { createPinnedGet } from "../oauth/clients/pinned-get.ts";
import { openExistingStore } from "../store/open.ts";
import { NAME, VERSION } from "../version.ts";

export interface OAuthIO {
  log: Log;
  env: Readonly<Record<string, string | undefined>>;
  now(): number;
  random(bytes: number): Uint8Array;
  emit(event: AppEvent): void;
}

/** What is not in the config. */
export type OAuthParts = Pick<
  OAuthOptions,
  "publicUrl" | "resources" | "serverName" | "serverId" | "credential" | "store" | "sourceOf"
>;

type Credential = OAuthOptions["credential"];

/** How the person at the approval page proves to be one who may approve; undefined when nobody has to. */
export function chooseCredential(config: Config, { random }: OAuthIO): Credential | undefined {
  if (config.auth === "none") return undefined;
  const given = config.token === undefined ? {} : { token: config.token };
  if (config.users.length > 0) return { kind: "password", users: config.users, ...given };
  if (config.token !== undefined) return { kind: "token", token: config.token };
  return { kind: "token", token: Buffer.from(random(24)).toString("base64url"), isRandom: true };
}

/** What is told of it to whoever started us. */
export function describeCredential(credential: Credential | undefined): Ready["credential"] {
  if (credential === undefined) return null;
  if (credential.kind === "token") return { kind: "token", token: credential.token };
  const { users, token } = credential;
  return { kind: "password", users: users.map(({ name }) => name), ...(token !== undefined && { token }) };
}

export function openOAuth(config: Config, io: OAuthIO, parts: OAuthParts): OAuth {
  const { introspectSecret } = config;
  return createOAuth({
    ...io,
    ...parts,
    ...chooseDocuments(config, io),
    scopes: config.scopes,
    allowAnonymousDiscovery: config.auth === "optional",
    ...(introspectSecret !== undefined && { introspectSecret }),
    clients: config.client ? [config.client] : [],
    accessTtl: config.accessTtl,
    refreshTtl: config.refreshTtl,
    allowRedirect: config.allowRedirect,
    onGrant: (event) => io.emit({ event: "grant", ...event }),
  });
}

/** Without a token nobody can be told from anybody. */
export const ANYBODY = { key: "", isValid: () => true };

/**
 * @param principal absent for somebody without a token who may look around
 * @param again looks at the credential once more
 */
export function describeCaller(
  { permission }: OAuth,
  principal: Principal | undefined,
  resourcePath: string,
  again: () => ReturnType<OAuth["recheck"]>,
): Caller {
  const refuse = () => {
    const authentication = again();
    return authentication.ok ? undefined : authentication.response;
  };
  const isValid = () => again().ok;
  const policy = permission && {
    looksAtHints: permission.looksAtHints && principal !== undefined,
    refuse: (call: Parameters<typeof permission.refuse>[1]) =>
      permission.refuse(principal, call, resourcePath),
    view: (tool: Parameters<typeof permission.view>[1]) => permission.view(principal, tool),
  };
  if (principal === undefined) return { key: ANYBODY.key, isValid, refuse, policy };
  const { subject, clientId, grantId, expiresAt } = principal;
  return { key: JSON.stringify([subject, clientId]), grantId, expiresAt, isValid, refuse, policy };
}

const PRIVATE_FETCH = "MCP_EXPOSE_ALLOW_PRIVATE_FETCH";

/** @throws {UserError} exit code 2 */
export function refusePrivateFetch({ tunnel }: Config, { env }: OAuthIO): void {
  if (env[PRIVATE_FETCH] !== "1" || tunnel === "none") return;
  throw new UserError(
    `${PRIVATE_FETCH} would let everybody on the internet make this machine fetch from itself.`,
    "It is for tests: unset it, or use --tunnel none.",
  );
}

/** Metadata documents that clients are known by, and what fetches them. */
function chooseDocuments({ allowClient, denyClient }: Config, { env }: OAuthIO) {
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

/** Grants in a store file, for looking at them and taking them away while a server runs on it. */
export async function openGrants(where: string, now: () => number) {
  const store = await openExistingStore(where);
  return {
    list: () => listGrants(store, now()),
    listUnconfigured: () => listUnconfigured(store, now()),
    revoke: (id: string) => revokeGrant(store, id, now()),
    revokeAll: () => revokeAll(store, now()),
    close: () => store.close(),
  };
}
