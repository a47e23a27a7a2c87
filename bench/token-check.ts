// What it costs to find out who a request speaks for: the guard itself, on a store in a file, in this process.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createLog } from "../src/log.ts";
import { createOAuth } from "../src/oauth/oauth.ts";
import { createPastedToken } from "../src/oauth/sign-in/pasted-token.ts";
import { hashSecret } from "../src/oauth/secrets.ts";
import { openSqliteStore } from "../src/store/sqlite/sqlite-store.ts";
import type { SyncStore } from "../src/store/store.ts";
import { median, type Effort } from "./sample.ts";

const RESOURCE = "http://127.0.0.1/mcp";
const HOUR = 3_600_000;

export interface TokenCheck {
  /** Microseconds for a token of a client that calls again and again, each call in a turn of its own. */
  known: number;
  /** Microseconds for a token that has not been seen since the store changed. */
  fresh: number;
}

/** @param grants how many the store holds; their tokens take turns */
export async function measureTokenCheck(
  grants: number,
  folder: string,
  { rounds, quick }: Effort,
): Promise<TokenCheck> {
  const store = openSqliteStore(join(folder, `grants-${crypto.randomUUID()}.db`));
  const now = Date.now();
  const tokens = Array.from({ length: grants }, (_, index) => `token-${index}`);
  for (const token of tokens) addGrant(store, token, now);
  const log = createLog({ level: "quiet", write: () => {}, color: false });
  const oauth = createOAuth({
    resourcePaths: [new URL(RESOURCE).pathname],
    serverName: "server",
    serverId: "server",
    signIn: createPastedToken({ token: "never pasted", log }),
    formKey: randomBytes(32),
    scopes: {},
    allowAnonymousDiscovery: false,
    clients: [],
    documents: undefined,
    accessTtl: HOUR,
    refreshTtl: HOUR,
    allowRedirect: [],
    store,
    get: () => Promise.reject(new Error("nothing is fetched here")),
    now: () => now,
    random: (bytes) => randomBytes(bytes),
    log,
    onGrant: () => {},
    sourceOf: () => "",
  });
  oauth.moveTo(new URL(RESOURCE).origin);
  const request = (token: string) => new Request(RESOURCE, { headers: { authorization: `Bearer ${token}` } });
  const check = (each: Request) => {
    const authentication = oauth.authenticate(each, "/mcp");
    if (authentication instanceof Promise || !authentication.ok) throw new Error("a good token was refused");
  };
  const known = request(tokens[0]!);
  const spread = tokens.slice(0, 5_000).map(request);
  const runs: TokenCheck[] = [];
  for (let round = 0; round <= rounds; round++) {
    runs.push({
      known: await timeTurns(quick ? 100 : 20_000, () => check(known)),
      fresh: timeFresh(store, spread, check),
    });
  }
  runs.shift();
  await oauth.close();
  store.close();
  return { known: median(runs.map((run) => run.known)), fresh: median(runs.map((run) => run.fresh)) };
}

/** The first look in a turn of the event loop asks whether another process has changed the store. */
async function timeTurns(count: number, work: () => void): Promise<number> {
  let total = 0;
  for (let done = 0; done < count; done++) {
    await nextTurn();
    total += time(1, work);
  }
  return total / count;
}

/** Any change of the store makes it forget what it has read. */
function timeFresh(
  store: SyncStore,
  requests: readonly Request[],
  check: (request: Request) => void,
): number {
  let total = 0;
  for (const each of requests.slice(0, 500)) {
    store.useAssertion(crypto.randomUUID(), Date.now() + HOUR, Date.now());
    total += time(1, () => check(each));
  }
  return total / Math.min(requests.length, 500);
}

function time(count: number, work: () => void): number {
  const start = Bun.nanoseconds();
  for (let done = 0; done < count; done++) work();
  return (Bun.nanoseconds() - start) / 1000 / count;
}

function addGrant(store: SyncStore, token: string, now: number): void {
  const approval = {
    serverId: "server",
    clientId: "client",
    subject: "owner",
    scopes: ["mcp"],
    resources: [RESOURCE],
  };
  const ends = { issuedAt: now, expiresAt: now + HOUR };
  const code = {
    ...approval,
    hash: `code ${token}`,
    redirectUri: RESOURCE,
    challenge: "x",
    source: "127.0.0.1",
    clientName: "client",
    expiresAt: now + HOUR,
  };
  const names = { id: `grant ${token}`, serverName: "server", clientName: "client", host: "", source: "" };
  const times = { createdAt: now, renewedAt: now, usedAt: null, expiresAt: now + HOUR, endsAt: now + HOUR };
  const access = {
    hash: hashSecret(token),
    grantId: names.id,
    scopes: ["mcp"],
    resources: [RESOURCE],
    ...ends,
  };
  store.addCode(code, now);
  store.redeemCode(code.hash, { grant: { ...approval, ...names, ...times }, access }, now);
}
