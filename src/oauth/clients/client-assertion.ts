// private_key_jwt: a client proves itself with a token it signed (RFC 7523 §3, OpenID Connect Core §9; CIMD draft §8.2).
// Each is good once and for this server only; a signature under a key that is not the client's is worth nothing.
import {
  createLocalJWKSet,
  decodeJwt,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyOptions,
} from "jose";
import { messageOf } from "../../errors.ts";
import type { ClientMetadata, Store } from "../../store/store.ts";
import { SIGNING_ALGORITHMS } from "../capabilities.ts";
import type { Client } from "./client.ts";
import type { DocumentCache } from "./document-cache.ts";
import { refuse } from "../failure.ts";
import { hashSecret } from "../tokens/secrets.ts";
import { createThrottle } from "../sign-in/throttle.ts";

export const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** @returns what is wrong with the assertion; undefined when it proves the client */
export type FindAssertionFlaw = (
  client: Client,
  assertion: string,
  source: string,
) => Promise<string | undefined>;

export type KeySet = NonNullable<ClientMetadata["jwks"]>;

export interface AssertionOptions {
  publicUrl: string;
  store: Store;
  now: () => number;
  /** What `jwks_uri`s lead to. */
  keys: DocumentCache<KeySet>;
}

const CLOCK_DRIFT_S = 60;
/** How far ahead an assertion may expire, since its id is remembered for so long. */
const LONGEST_S = 3600;
/** How many of one client count in ten minutes: each is remembered, so its own appetite has an end, too. */
const USES_PER_CLIENT = 600;
const WINDOW_MS = 10 * 60_000;
/** Keys are fetched again for a signature under one that is not known, but not more often than this. */
const REFETCH_MS = 60_000;

export function createAssertionCheck({ publicUrl, store, now, keys }: AssertionOptions): FindAssertionFlaw {
  const uses = createThrottle({ limit: USES_PER_CLIENT, windowMs: WINDOW_MS, now });
  const findKeys = (client: Client, source: string, maxAge?: number): KeySet | Promise<KeySet> =>
    client.keys?.jwks ?? keys.find(client.keys?.jwks_uri ?? "", source, maxAge);

  /** @returns what the assertion says, or why it is not valid */
  async function verify(client: Client, assertion: string, source: string) {
    const rules = describeRules(client.id, publicUrl, now());
    const first = await verifyWith(await findKeys(client, source), assertion, rules);
    const found =
      first instanceof errors.JWKSNoMatchingKey
        ? await verifyWith(await findKeys(client, source, REFETCH_MS), assertion, rules)
        : first;
    return found instanceof Error ? `the assertion is not valid: ${messageOf(found)}` : found;
  }

  return async (client, assertion, source) => {
    if (client.keys === undefined) return "it has no keys, but sent an assertion";
    // It has neither code nor token to come with, so its keys are not fetched and nothing of it is written down.
    if (!client.wasApproved) return "nobody has approved it";
    const payload = await verify(client, assertion, source);
    if (typeof payload === "string") return payload;
    const { jti, exp = 0 } = payload;
    if (typeof jti !== "string") return "the assertion's jti is not a string";
    if (exp > now() / 1000 + LONGEST_S) return "the assertion is good for too long";
    const retryAfter = uses.waitOf(client.id);
    if (retryAfter > 0) refuse({ kind: "throttled", retryAfter, who: client.id });
    const expiresAt = (exp + CLOCK_DRIFT_S) * 1000;
    uses.count(client.id);
    if (await store.useAssertion(hashSecret(`${client.id} ${jti}`), expiresAt, now())) return undefined;
    uses.forgive(client.id);
    return "the assertion was used before";
  };
}

/** Who an assertion speaks for, before anything is verified; undefined for what is none. */
export function readAssertedClient(assertion: string): string | undefined {
  try {
    // Unverified, it may be anything that JSON can say.
    const { sub } = decodeJwt<{ sub?: unknown }>(assertion);
    return typeof sub === "string" ? sub : undefined;
  } catch {
    return undefined;
  }
}

/** The audience is the issuer; the token endpoint, which older clients name, is taken too (RFC 7523 §3). */
function describeRules(clientId: string, publicUrl: string, now: number): JWTVerifyOptions {
  return {
    algorithms: [...SIGNING_ALGORITHMS],
    issuer: clientId,
    subject: clientId,
    audience: [publicUrl, `${publicUrl}/token`],
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
  try {
    return (await jwtVerify(assertion, createLocalJWKSet(keySet as unknown as JSONWebKeySet), rules)).payload;
  } catch (thrown) {
    // Whatever it is, the client's keys or its assertion are to blame: WebCrypto, too, complains of a point off its curve.
    return thrown instanceof Error ? thrown : new Error(messageOf(thrown));
  }
}
