// The capabilities of this authorization server, listed once: registration is held to them, and the metadata advertises them.

export const GRANT_TYPES = ["authorization_code", "refresh_token"] as const;
/** How a client that registers itself may authenticate. */
export const REGISTERED_AUTH_METHODS = ["none", "client_secret_post", "client_secret_basic"] as const;
/** How a client with a metadata document may: it has no secret (CIMD draft §4.1). */
export const DOCUMENT_AUTH_METHODS = ["none", "private_key_jwt"] as const;
export const AUTH_METHODS = [...REGISTERED_AUTH_METHODS, "private_key_jwt"] as const;
/** For `private_key_jwt`. */
export const SIGNING_ALGORITHMS = ["ES256", "RS256"] as const;

export type AuthMethod = (typeof AUTH_METHODS)[number];
