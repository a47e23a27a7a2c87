// Finds the client that a client_id stands for: one that was set up beforehand, one that registered itself, or one whose id
// is the URL of its metadata document. Every endpoint looks clients up here, so that all agree.
import type { ClientMetadata, ClientRecord, Store } from "../../store/store.ts";
import { GRANT_TYPES } from "../supported-features.ts";
import { isDocumentId } from "./metadata-document.ts";
import type { CountedSourceOf } from "../limits/counted-source.ts";
import type { TrustedDocuments } from "./trusted-documents.ts";
import { Refusal } from "../failure.ts";
import { displayDestination } from "../pages/display.ts";
import { findRedirectFlaw, isTrustedRedirect, matchesRegistered } from "./redirect-uri.ts";
import { hashSecret, isGuessable } from "../secrets.ts";

export interface Client {
  id: string;
  /** The name the client gives itself, unverified. */
  name: string | undefined;
  /** Whether it need not authenticate. */
  isPublic: boolean;
  /** `null` for a client without a secret. */
  secretHash: string | null;
  /** Whether that secret could be guessed: a person chose it, and it is short. */
  isSecretGuessable: boolean;
  /** Whether someone has ever approved it here, or set it up beforehand. */
  wasApproved: boolean;
  /** Where its public keys are, for `private_key_jwt`. */
  keys: Pick<ClientMetadata, "jwks" | "jwks_uri"> | undefined;
  grantTypes: readonly string[];
  acceptsRedirect(redirectUri: string): boolean;
  /** Its metadata document, if it has one. */
  document: ClientRecord | undefined;
}

/**
 * Looks a client up, and fetches its metadata document if that is not cached; refuses when the document is not valid.
 *
 * @param source the address the request comes from, for throttling
 */
export type FindClient = (id: string, source: string) => Promise<Client | undefined>;

export interface ClientFinder {
  /** For an authorization request: it needs the metadata document as it is now. */
  find: FindClient;
  /** For a client that presents a code or token of ours: the document as it was approved is enough if it cannot be fetched. */
  findReturning: FindClient;
}

export interface ClientOptions {
  store: Store;
  /** Clients set up beforehand. */
  clients: readonly { id: string; secret?: string }[];
  allowRedirect: readonly string[];
  countSource: CountedSourceOf;
  /** Absent when no metadata documents are trusted. */
  documents: TrustedDocuments | undefined;
}

export function createClientFinder(options: ClientOptions): ClientFinder {
  const { store, clients, allowRedirect, countSource, documents } = options;
  const known = new Map(clients.map((client) => [client.id, describeKnown(client, allowRedirect)]));
  const describe = async (record: ClientRecord) => ({
    ...describeRecord(record, allowRedirect),
    wasApproved: await store.wasApproved(record.id),
  });
  const findStored = async (id: string) => {
    const record = await store.findClient(id);
    return record && (await describe(record));
  };
  const findByDocument = async (id: string, source: string) => {
    const record = await documents?.find(id, await countSource(id, source));
    return record && { ...(await describe(record)), document: record };
  };
  const find: FindClient = async (id, source) =>
    known.get(id) ?? (isDocumentId(id) ? await findByDocument(id, source) : await findStored(id));
  return {
    find,
    findReturning: async (id, source) => {
      try {
        return await find(id, source);
      } catch (thrown) {
        const isMissing =
          thrown instanceof Refusal && ["no-document", "throttled"].includes(thrown.failure.kind);
        const stored = isMissing ? await findStored(id) : undefined;
        if (stored) return stored;
        throw thrown;
      }
    },
  };
}

function describeKnown(
  { id, secret }: { id: string; secret?: string },
  allowRedirect: readonly string[],
): Client {
  return {
    id,
    name: undefined,
    isPublic: secret === undefined,
    secretHash: secret === undefined ? null : hashSecret(secret),
    isSecretGuessable: secret !== undefined && isGuessable(secret),
    wasApproved: true,
    keys: undefined,
    grantTypes: GRANT_TYPES,
    acceptsRedirect: (uri) => isTrustedRedirect(uri, allowRedirect),
    document: undefined,
  };
}

function describeRecord(
  { id, secretHash, metadata }: ClientRecord,
  allowRedirect: readonly string[],
): Omit<Client, "wasApproved"> {
  const methods = metadata.token_endpoint_auth_methods_supported ?? [metadata.token_endpoint_auth_method];
  const { jwks, jwks_uri } = metadata;
  return {
    id,
    name: metadata.client_name,
    isPublic: methods.includes("none"),
    secretHash,
    // We made it.
    isSecretGuessable: false,
    keys: methods.includes("private_key_jwt")
      ? { ...(jwks && { jwks }), ...(jwks_uri && { jwks_uri }) }
      : undefined,
    grantTypes: metadata.grant_types,
    acceptsRedirect: (uri) =>
      findRedirectFlaw(uri, allowRedirect) === undefined &&
      metadata.redirect_uris.some((registered) => matchesRegistered(uri, registered)),
    document: undefined,
  };
}

/** The host behind a client: the one that publishes its document, else the one its answers go to. */
export function displayHost(clientId: string, redirectUri: string): string {
  return isDocumentId(clientId) ? new URL(clientId).host : displayDestination(redirectUri);
}
