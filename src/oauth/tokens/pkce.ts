// Proof Key for Code Exchange: required of every client, method S256 only (RFC 7636 §4, OAuth 2.1 §4.1.1 and §7.5.1).
import { createHash, timingSafeEqual } from "node:crypto";
import { refuse } from "../failure.ts";
import type { Parameters } from "../wire/parameters.ts";

/** A SHA-256 digest in base64url. */
const CHALLENGE = /^[A-Za-z0-9_-]{43}$/;
const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/;

/** The challenge of an authorization request. */
export function readChallenge(parameters: Parameters): string {
  const challenge = parameters.get("code_challenge");
  if (challenge === undefined) {
    return refuse({ kind: "bad-request", description: "PKCE is required: code_challenge is missing." });
  }
  if (parameters.get("code_challenge_method") !== "S256") {
    refuse({ kind: "bad-request", description: "code_challenge_method must be S256." });
  }
  if (!CHALLENGE.test(challenge)) {
    refuse({ kind: "bad-request", description: "code_challenge must be 43 characters of base64url." });
  }
  return challenge;
}

export function isVerifierFor(challenge: string, verifier: string): boolean {
  if (!VERIFIER.test(verifier)) return false;
  const digest = createHash("sha256").update(verifier).digest("base64url");
  return timingSafeEqual(Buffer.from(digest), Buffer.from(challenge));
}
