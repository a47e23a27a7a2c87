// Proves which client is calling the token, revocation or introspection endpoint (RFC 6749 §2.3 and §3.2.1, OAuth 2.1
// §2.4). A client with a secret must show it, in the form or by HTTP Basic; one with keys alone must sign; never two at once.
import type { Client, FindClient } from "./client.ts";
import { ASSERTION_TYPE, type FindAssertionFlaw, readAssertedClient } from "./client-assertion.ts";
import type { CountedSourceOf } from "../limits/counted-source.ts";
import { refuse } from "../failure.ts";
import type { Parameters } from "../wire/parameters.ts";
import { hashSecret, isSameSecret } from "../secrets.ts";
import { createThrottle, type Throttle } from "../limits/throttle.ts";

export type AuthenticateClient = (request: Request, form: Parameters) => Promise<Client>;

export interface ClientAuthenticationOptions {
  findClient: FindClient;
  findAssertionFlaw: FindAssertionFlaw;
  countSource: CountedSourceOf;
  now: () => number;
  sourceOf(request: Request): string;
}

interface Credentials {
  id: string | undefined;
  secret?: string | undefined;
  assertion?: string;
  basic: boolean;
}

const WINDOW_MS = 10 * 60_000;
const FAILURES_PER_SOURCE = 30;
/** Beyond this a guessable secret is being guessed from many places at once: then each place has a single attempt. */
const CALM_GUESSES_PER_CLIENT = 300;

export function createClientAuthentication(options: ClientAuthenticationOptions): AuthenticateClient {
  const { findClient, findAssertionFlaw, countSource, now, sourceOf } = options;
  const createCounter = (limit: number) => createThrottle({ limit, windowMs: WINDOW_MS, now });
  const bySource = createCounter(FAILURES_PER_SOURCE);
  const otherBySource = createCounter(FAILURES_PER_SOURCE);
  const guesses = createGuessCounter(createCounter);

  async function checkProof(client: Client, { secret, assertion, basic }: Credentials, source: string) {
    const isGuess = client.isSecretGuessable && secret !== undefined;
    // A stranger who fails at a client of his own must not delay others, at the same address, whose secret can be guessed.
    const failures = isGuess ? bySource : otherBySource;
    const retryAfter = Math.max(failures.waitOf(source), isGuess ? guesses.waitOf(client.id, source) : 0);
    const wait = () => refuse({ kind: "throttled", retryAfter, who: `${client.id} from ${source}` });
    // Other proofs cannot be guessed, so the right one gets in, however many attempts have failed.
    if (isGuess && retryAfter > 0) wait();
    const flaw =
      assertion === undefined
        ? findSecretFlaw(client, secret)
        : await findAssertionFlaw(client, assertion, source);
    if (flaw === undefined) return;
    failures.count(source);
    if (isGuess) guesses.count(client.id, source);
    if (retryAfter > 0) wait();
    refuse({ kind: "wrong-secret", clientId: client.id, why: flaw, basic });
  }

  return async (request, form) => {
    const credentials = readCredentials(request, form);
    const { id, secret, assertion, basic } = credentials;
    const source = sourceOf(request);
    const client = id === undefined ? undefined : await findClient(id, source);
    if (!client) return refuse({ kind: "unknown-client", clientId: id, basic });
    const showsNothing = secret === undefined && assertion === undefined;
    const counted = await countSource(client.id, source);
    if (!(client.isPublic && showsNothing)) await checkProof(client, credentials, counted);
    return client;
  };
}

/** Failed guesses at one client's secret, from everywhere and from each place. */
function createGuessCounter(createCounter: (limit: number) => Throttle) {
  const byClient = createCounter(CALM_GUESSES_PER_CLIENT);
  const firstBySource = createCounter(1);
  const keyOf = (clientId: string, source: string) => JSON.stringify([clientId, source]);
  return {
    waitOf: (clientId: string, source: string) =>
      byClient.waitOf(clientId) > 0 ? firstBySource.waitOf(keyOf(clientId, source)) : 0,
    count(clientId: string, source: string) {
      byClient.count(clientId);
      firstBySource.count(keyOf(clientId, source));
    },
  };
}

function findSecretFlaw({ secretHash }: Client, secret: string | undefined): string | undefined {
  if (secret === undefined) return "it did not authenticate";
  if (secretHash === null) return "it has no secret, but sent one";
  return isSameSecret(hashSecret(secret), secretHash) ? undefined : "the secret is wrong";
}

function readCredentials(request: Request, form: Parameters): Credentials {
  const header = request.headers.get("authorization");
  const id = form.get("client_id");
  const secret = form.get("client_secret");
  const assertion = form.get("client_assertion");
  if ([header ?? undefined, secret, assertion].filter((one) => one !== undefined).length > 1) {
    refuse({ kind: "bad-request", description: "The client authenticates in more than one way." });
  }
  if (assertion !== undefined) return readAssertion(assertion, id, form.get("client_assertion_type"));
  if (header === null) return { id, secret, basic: false };
  const [basicId, basicSecret] = readBasic(header);
  if (id !== undefined && id !== basicId) {
    refuse({ kind: "bad-request", description: "client_id differs from the Authorization header." });
  }
  return { id: basicId, secret: basicSecret || undefined, basic: true };
}

/** RFC 7521 §4.2: client_id may be left out, since the assertion names the client. */
function readAssertion(assertion: string, id: string | undefined, type: string | undefined): Credentials {
  if (type !== ASSERTION_TYPE) {
    refuse({ kind: "bad-request", description: `client_assertion_type must be ${ASSERTION_TYPE}.` });
  }
  const asserted = readAssertedClient(assertion);
  if (id !== undefined && asserted !== undefined && id !== asserted) {
    refuse({ kind: "bad-request", description: "client_id differs from the client_assertion." });
  }
  return { id: asserted ?? id, assertion, basic: false };
}

/** RFC 6749 §2.3.1: both halves are form-encoded before they are joined. */
function readBasic(header: string): [id: string, secret: string] {
  const encoded = /^basic +([A-Za-z0-9+/]+=*)$/i.exec(header)?.[1];
  const text = encoded === undefined ? "" : Buffer.from(encoded, "base64").toString();
  const colon = text.indexOf(":");
  try {
    if (colon > 0) return [decodeForm(text.slice(0, colon)), decodeForm(text.slice(colon + 1))];
  } catch {
    // A stray percent sign: not form-encoded.
  }
  return refuse({ kind: "unknown-client", clientId: undefined, basic: true });
}

function decodeForm(encoded: string): string {
  return decodeURIComponent(encoded.replaceAll("+", " "));
}
