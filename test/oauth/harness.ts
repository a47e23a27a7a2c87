// A real authorization server with a small protected resource on a loopback port, and a person with a browser for it.
import { createHash, randomBytes } from "node:crypto";
import { Hono } from "hono";
import { createLog } from "../../src/log.ts";
import type { GrantActivity } from "../../src/oauth/tokens/grant-activity.ts";
import { createOAuth, type OAuth, type OAuthOptions } from "../../src/oauth/oauth.ts";
import { FetchProblem } from "../../src/oauth/clients/pinned-get.ts";
import type { PasswordUser } from "../../src/oauth/sign-in/password-check.ts";
import { createPasswordSignIn } from "../../src/oauth/sign-in/password.ts";
import { createPastedToken } from "../../src/oauth/sign-in/pasted-token.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import type { Store, SyncStore } from "../../src/store/store.ts";
import { createSlowStore } from "../store/slow-store.ts";

export const TOKEN = "a-token-that-a-person-pastes";
export const CALLBACK = "http://127.0.0.1:4444/callback";
export const VERIFIER = "v".repeat(43);
export const CHALLENGE = createHash("sha256").update(VERIFIER).digest("base64url");
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

export type Json = Record<string, unknown>;
export type Tokens = { access_token: string; refresh_token: string; scope: string; expires_in: number };

export interface Harness {
  /** Where it listens, which is the issuer unless `publicUrl` was given. */
  url: string;
  issuer: string;
  clock: { now: number };
  events: GrantActivity[];
  logged: string[];
  revoked: string[];
  source: { address: string };
  /** The server's store, without waiting. */
  store: SyncStore;
  /** Puts the authorization server under another public URL; it goes on listening at `url`. */
  moveTo(publicUrl: string): void;
  endUnconfigured: OAuth["endUnconfigured"];
  /** Closes the authorization server, and leaves its store open. */
  close: OAuth["close"];
  stop(): Promise<void>;
}

let isSlow = false;

/** From now on servers get a store that waits. */
export function useSlowStore(on: boolean): void {
  isSlow = on;
}

export interface ServerOptions extends Partial<Omit<OAuthOptions, "store">> {
  /** The store's file. */
  where?: string;
  /** The issuer, if that is not where it listens. */
  publicUrl?: string;
  /** Those who sign in with a password, in place of a token. */
  users?: readonly PasswordUser[];
  /** One that another server has already. */
  store?: SyncStore;
  /** The store that the server gets. */
  wrapStore?: (store: SyncStore) => Store;
}

/** @param overrides options that differ */
export async function startServer(overrides: ServerOptions = {}): Promise<Harness> {
  const {
    where = ":memory:",
    publicUrl,
    users,
    store = openSqliteStore(where),
    wrapStore = isSlow ? (inner) => createSlowStore(inner) : (inner) => inner,
    ...rest
  } = overrides;
  let app = new Hono();
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => app.fetch(request) });
  const url = `http://127.0.0.1:${server.port}`;
  const issuer = publicUrl ?? url;
  const given = wrapStore(store);
  const clock = { now: Date.UTC(2026, 10, 21) };
  const source = { address: "192.0.2.1" };
  const events: GrantActivity[] = [];
  const logged: string[] = [];
  const log = createLog({ level: "verbose", write: (text) => void logged.push(text), color: false });
  const options: OAuthOptions = {
    serverName: "everything",
    serverId: "server-1",
    resourcePaths: ["/mcp", "/sse"],
    signIn: users ? createPasswordSignIn({ users, log }) : createPastedToken({ token: TOKEN, log }),
    formKey: randomBytes(32),
    scopes: {},
    allowAnonymousDiscovery: false,
    clients: [],
    documents: { deny: [] },
    get: () => Promise.reject(new FetchProblem("nothing is fetched in this test")),
    allowRedirect: [],
    accessTtl: HOUR,
    refreshTtl: 24 * HOUR,
    store: given,
    now: () => clock.now,
    random: (bytes) => new Uint8Array(randomBytes(bytes)),
    log,
    onGrant: (event) => void events.push(event),
    sourceOf: () => source.address,
    ...rest,
  };
  const oauth = await createOrStop(options, server);
  oauth.moveTo(issuer);
  const revoked: string[] = [];
  oauth.onRevoked((grantId) => grantId !== undefined && revoked.push(grantId));
  app = oauth.routes;
  for (const path of ["/mcp", "/sse"]) {
    app.all(path, async (c) => {
      const checked = await oauth.authenticate(c.req.raw, path);
      if (checked.ok && checked.principal) oauth.noteUse(checked.principal.grantId);
      return checked.ok ? c.json(checked.principal ?? {}) : checked.response;
    });
  }
  return {
    url,
    issuer,
    clock,
    events,
    logged,
    revoked,
    source,
    store,
    moveTo: oauth.moveTo,
    endUnconfigured: oauth.endUnconfigured,
    close: oauth.close,
    stop: async () => {
      await oauth.close();
      await server.stop(true);
      await given.close();
    },
  };
}

async function createOrStop(options: OAuthOptions, server: Bun.Server<undefined>) {
  try {
    return createOAuth(options);
  } catch (thrown) {
    await server.stop(true);
    throw thrown;
  }
}

export async function register(url: string, metadata: Json = {}): Promise<Response> {
  return fetch(`${url}/register`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ redirect_uris: [CALLBACK], token_endpoint_auth_method: "none", ...metadata }),
  });
}

/** Registers a public client and returns its id. */
export async function registerClient(url: string, metadata: Json = {}): Promise<string> {
  const response = await register(url, metadata);
  if (response.status !== 201) throw new Error(`registration failed: ${await response.text()}`);
  return ((await response.json()) as { client_id: string }).client_id;
}

export function authorizeQuery(clientId: string, overrides: Record<string, string | undefined> = {}): string {
  const parameters = {
    response_type: "code",
    client_id: clientId,
    redirect_uri: CALLBACK,
    state: "s1",
    code_challenge: CHALLENGE,
    code_challenge_method: "S256",
    ...overrides,
  };
  const present = Object.entries(parameters).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return new URLSearchParams(present).toString();
}

export interface ShownPage {
  response: Response;
  html: string;
  cookie: string;
  /** The hidden fields. */
  fields: Record<string, string>;
}

/** Opens the approval page as a browser without cookies does. */
export async function openPage(
  url: string,
  query: string,
  headers: Record<string, string> = {},
): Promise<ShownPage> {
  const response = await fetch(`${url}/authorize?${query}`, { redirect: "manual", headers });
  const html = await response.text();
  const fields: Record<string, string> = {};
  for (const [tag] of html.matchAll(/<input[^>]*type="hidden"[^>]*>/g)) {
    fields[readAttribute(tag, "name")] = readAttribute(tag, "value");
  }
  return { response, html, cookie: response.headers.get("set-cookie")?.split(";")[0] ?? "", fields };
}

function readAttribute(tag: string, name: string): string {
  const escaped = new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1] ?? "";
  const entities: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };
  return escaped.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => entities[name] ?? "");
}

export function submitPage(
  url: string,
  page: Pick<ShownPage, "cookie" | "fields">,
  typed: Record<string, string> = { token: TOKEN, decision: "approve" },
): Promise<Response> {
  return fetch(`${url}/authorize`, {
    method: "POST",
    redirect: "manual",
    headers: page.cookie === "" ? {} : { Cookie: page.cookie },
    body: new URLSearchParams({ ...page.fields, ...typed }),
  });
}

/** Opens the page, approves, and returns where the browser is sent. */
export async function approve(url: string, query: string, typed?: Record<string, string>): Promise<URL> {
  const response = await submitPage(url, await openPage(url, query), typed);
  const location = response.headers.get("location");
  if (location === null) throw new Error(`no redirect: ${response.status} ${await response.text()}`);
  return new URL(location);
}

export function postForm(
  url: string,
  path: string,
  fields: Record<string, string> | [string, string][],
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${url}${path}`, { method: "POST", headers, body: new URLSearchParams(fields) });
}

export function redeem(url: string, clientId: string, code: string, more: Record<string, string> = {}) {
  const fields = { grant_type: "authorization_code", client_id: clientId, code, code_verifier: VERIFIER };
  return postForm(url, "/token", { ...fields, redirect_uri: CALLBACK, ...more });
}

export function refresh(url: string, clientId: string, token: string, more: Record<string, string> = {}) {
  return postForm(url, "/token", {
    grant_type: "refresh_token",
    client_id: clientId,
    refresh_token: token,
    ...more,
  });
}

export async function obtainCode(url: string, clientId: string, overrides: Record<string, string> = {}) {
  const location = await approve(url, authorizeQuery(clientId, overrides));
  return location.searchParams.get("code") ?? "";
}

/** The whole way: approve, redeem. */
export async function connect(
  url: string,
  clientId: string,
  overrides: Record<string, string> = {},
): Promise<Tokens> {
  const response = await redeem(url, clientId, await obtainCode(url, clientId, overrides));
  if (response.status !== 200) throw new Error(`no tokens: ${await response.text()}`);
  return (await response.json()) as Tokens;
}

export function callResource(url: string, token: string, path = "/mcp"): Promise<Response> {
  return fetch(`${url}${path}`, { method: "POST", headers: { Authorization: `Bearer ${token}` } });
}

export async function errorOf(response: Response): Promise<string> {
  return ((await response.json()) as { error: string }).error;
}

/** Waits for a condition that another process or a timer brings about. */
export async function until(condition: () => boolean, deadlineMs = 10_000): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error("the condition did not come true in time");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
