// private_key_jwt: a client proves itself with a token it signed (RFC 7523 §3, OpenID Connect Core §9; CIMD draft §8.2).
// Each is good once and for this server only; a signature under a key that is not the client's is worth nothing.
import {
  createLocalJWKSet,
  decodeJwt,
  errors,
  type JSONWebKeySet,
  jwtVerify,
  type JWTVerifyOptions,
} from "jose";
import { messageOf } from "../errors.ts";
import type { ClientMetadata, Store } from "../store/store.ts";
import { SIGNING_ALGORITHMS } from "./capabilities.ts";
import type { Client } from "./client.ts";
import type { DocumentCache } from "./document-cache.ts";
import { hashSecret } from "./secrets.ts";

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
/** Keys are fetched again for a signature under one that is not known, but not more often than this. */
const REFETCH_MS = 60_000;

export function createAssertionCheck({ publicUrl, store, now, keys }: AssertionOptions): FindAssertionFlaw {
  const findKeys = (client: Client, source: string, maxAge?: number): KeySet | Promise<KeySet> =>
    client.keys?.jwks ?? keys.find(client.keys?.jwks_uri ?? "", source, maxAge);

  async function verify(client: Client, assertion: string, source: string) {
    const rules = describeRules(client.id, publicUrl, now());
    try {
      return await verifyWith(await findKeys(client, source), assertion, rules);
    } catch (thrown) {
      if (!(thrown instanceof errors.JWKSNoMatchingKey)) throw thrown;
      return await verifyWith(await findKeys(client, source, REFETCH_MS), assertion, rules);
    }
  }

  return async (client, assertion, source) => {
    if (client.keys === undefined) return "it has no keys, but sent an assertion";
    try {
      const { payload } = await verify(client, assertion, source);
      const { jti = "", exp = 0 } = payload;
      if (exp > now() / 1000 + LONGEST_S) return "the assertion is good for too long";
      const expiresAt = (exp + CLOCK_DRIFT_S) * 1000;
      return store.useAssertion(hashSecret(`${client.id} ${jti}`), expiresAt, now())
        ? undefined
        : "the assertion was used before";
    } catch (thrown) {
      if (thrown instanceof errors.JOSEError) return `the assertion is not valid: ${messageOf(thrown)}`;
      throw thrown;
    }
  };
}

/** Who an assertion speaks for, before anything is verified; undefined for what is none. */
export function readAssertedClient(assertion: string): string | undefined {
  try {
    return decodeJwt(assertion).sub;
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

function verifyWith(keySet: KeySet, assertion: string, rules: JWTVerifyOptions) {
  return jwtVerify(assertion, createLocalJWKSet(keySet as unknown as JSONWebKeySet), rules);
}
