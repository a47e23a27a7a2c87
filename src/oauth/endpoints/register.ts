// The registration endpoint: a client introduces itself and gets an id (RFC 7591 §3).
// It is open to anyone, so it is throttled, and clients that are never approved do not pile up.
import type { Store } from "../../store/store.ts";
import { PAGE_LIFETIME_MS } from "../sign-in/browser-binding.ts";
import { readTextBody } from "../wire/text-body.ts";
import { refuse } from "../failure.ts";
import { answerJson } from "../wire/json-response.ts";
import { readRegistration } from "../clients/registration-metadata.ts";
import { listServerScopes } from "../access/scopes.ts";
import { createId, createSecret, hashSecret, type RandomBytes } from "../secrets.ts";
import { createThrottle } from "../limits/throttle.ts";
import { groupNetwork, groupSource } from "../limits/source.ts";

export interface RegisterOptions {
  store: Store;
  allowRedirect: readonly string[];
  resourceScopes: readonly string[];
  now: () => number;
  random: RandomBytes;
  sourceOf(request: Request): string;
}

const WINDOW_MS = 10 * 60_000;
/** Claude registers at every fresh connect, often twice; people retry. */
const REGISTRATIONS_PER_SOURCE = 60;
const UNUSED_CLIENTS = 500;
const CLIENT_ID_BYTES = 16;

export function createRegister(options: RegisterOptions): (request: Request) => Promise<Response> {
  const { store, allowRedirect, resourceScopes, now, random, sourceOf } = options;
  const scopes = listServerScopes(resourceScopes);
  const throttle = createThrottle({ limit: REGISTRATIONS_PER_SOURCE, windowMs: WINDOW_MS, now });

  function checkRate(source: string): void {
    const retryAfter = throttle.waitOf(source);
    if (retryAfter > 0) refuse({ kind: "throttled", retryAfter, who: source });
    throttle.count(source);
  }

  return async (request) => {
    const address = sourceOf(request);
    checkRate(groupSource(address));
    const metadata = readRegistration(await readTextBody(request), allowRedirect, scopes);
    const isPublic = metadata.token_endpoint_auth_method === "none";
    const secret = isPublic ? undefined : createSecret(random);
    const client = { id: createId(random, CLIENT_ID_BYTES), metadata, createdAt: now() };
    const secretHash = secret === undefined ? null : hashSecret(secret);
    await store.addClient(
      { ...client, secretHash },
      { limit: UNUSED_CLIENTS, network: groupNetwork(address), shownSince: now() - PAGE_LIFETIME_MS },
    );
    const credentials = secret === undefined ? {} : { client_secret: secret, client_secret_expires_at: 0 };
    const issuedAt = Math.floor(client.createdAt / 1000);
    return answerJson(
      { client_id: client.id, client_id_issued_at: issuedAt, ...credentials, ...metadata },
      201,
    );
  };
}
