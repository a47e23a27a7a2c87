// private_key_jwt: a client proves itself with a token it signed (RFC 7523 §3, OpenID Connect Core §9; CIMD draft §8.2).
// An assertion is valid once, for this server only, and only with a signature under a key of the client's.
import type { JSONWebKeySet, JWTPayload, JWTVerifyOptions } from "jose";
import { decodeJwt } from "jose/jwt/decode";
import { messageOf } from "../../errors.ts";
import type { ClientMetadata, Store } from "../../store/store.ts";
import { SIGNING_ALGORITHMS } from "../supported-features.ts";
import type { Client } from "./client.ts";
import type { DocumentCache } from "./document-cache.ts";
import { refuse } from "../failure.ts";
import type { CurrentSite } from "../issuer.ts";
import { hashSecret } from "../secrets.ts";
import { countIfTrue, createThrottle } from "../limits/throttle.ts";

export const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** @returns what is wrong with the assertion; undefined when it proves the client */
export type FindAssertionFlaw = (
  client: Client,
  assertion: string,
  source: string,
) => Promise<string | undefined>;

export type KeySet = NonNullable<ClientMetadata["jwks"]>;

export interface AssertionOptions {
  currentSite: CurrentSite;
  store: Store;
  now: () => number;
  /** Fetches the key sets of `jwks_uri`s. */
  keys: DocumentCache<KeySet>;
}

const CLOCK_DRIFT_S = 60;
/** How far ahead an assertion may expire, since its id is remembered for so long. */
const LONGEST_S = 3600;
/** Assertions of one client in ten minutes: each is stored until it expires. */
const USES_PER_CLIENT = 600;
const WINDOW_MS = 10 * 60_000;
/** An unknown key makes us fetch the keys again, but not more often than this. */
const REFETCH_MS = 60_000;

export function createAssertionCheck({ currentSite, store, now, keys }: AssertionOptions): FindAssertionFlaw {
  const uses = createThrottle({ limit: USES_PER_CLIENT, windowMs: WINDOW_MS, now });
  const findKeys = (client: Client, source: string, maxAge?: number): KeySet | Promise<KeySet> =>
    client.keys?.jwks ?? keys.find(client.keys?.jwks_uri ?? "", source, maxAge);

  /** @returns what the assertion says, or why it is not valid */
  async function verify(client: Client, assertion: string, source: string) {
    const { errors } = await import("jose");
    const rules = describeRules(client.id, currentSite().issuer, now());
    const first = await verifyWith(await findKeys(client, source), assertion, rules);
    const found =
      first instanceof errors.JWKSNoMatchingKey
        ? await verifyWith(await findKeys(client, source, REFETCH_MS), assertion, rules)
        : first;
    return found instanceof Error ? `the assertion is not valid: ${messageOf(found)}` : found;
  }

  return async (client, assertion, source) => {
    if (client.keys === undefined) return "it has no keys, but sent an assertion";
    // It can have neither a code nor a token yet, so its keys are not fetched and nothing of it is stored.
    if (!client.wasApproved) return "no one has approved it";
    const payload = await verify(client, assertion, source);
    if (typeof payload === "string") return payload;
    const { jti, exp = 0 } = payload;
    if (typeof jti !== "string") return "the assertion's jti is not a string";
    if (exp > now() / 1000 + LONGEST_S) return "the assertion is valid for too long";
    const retryAfter = uses.waitOf(client.id);
    if (retryAfter > 0) refuse({ kind: "throttled", retryAfter, who: client.id });
    const expiresAt = (exp + CLOCK_DRIFT_S) * 1000;
    const use = () => store.useAssertion(hashSecret(`${client.id} ${jti}`), expiresAt, now());
    return (await countIfTrue(uses, client.id, use)) ? undefined : "the assertion was used before";
  };
}

/** The client that an assertion names, before anything is verified; undefined when it is not an assertion. */
export function readAssertedClient(assertion: string): string | undefined {
  try {
    // Unverified, it may be anything that JSON can say.
    const { sub } = decodeJwt<{ sub?: unknown }>(assertion);
    return typeof sub === "string" ? sub : undefined;
  } catch {
    return undefined;
  }
}

/** The audience is the issuer, or the token endpoint, which older clients name (RFC 7523 §3). */
function describeRules(clientId: string, issuer: string, now: number): JWTVerifyOptions {
  return {
    algorithms: [...SIGNING_ALGORITHMS],
    issuer: clientId,
    subject: clientId,
    audience: [issuer, `${issuer}/token`],
    requiredClaims: ["exp", "jti"],
    clockTolerance: CLOCK_DRIFT_S,
    currentDate: new Date(now),
  };
}

async function verifyWith(
  keySet: KeySet,
  assertion: string,
  rules: JWTVerifyOptions,
): Promise<JWTPayload | Error> {
  // Loaded with the first assertion, as few clients send one: loading it would delay every start.
  const { createLocalJWKSet, jwtVerify } = await import("jose");
  try {
    return (await jwtVerify(assertion, createLocalJWKSet(keySet as unknown as JSONWebKeySet), rules)).payload;
  } catch (thrown) {
    // Every error here is the fault of the client's keys or assertion; WebCrypto also throws for a point off its curve.
    return thrown instanceof Error ? thrown : new Error(messageOf(thrown));
  }
}
