// Puts together what knows clients: which client a client_id stands for, and whether a request really comes from that client.
import type { Log } from "../../log.ts";
import type { Store } from "../../store/store.ts";
import { createCountedSource } from "../limits/counted-source.ts";
import type { CurrentSite } from "../issuer.ts";
import { createAssertionCheck } from "./client-assertion.ts";
import { type AuthenticateClient, createClientAuthentication } from "./client-authentication.ts";
import { type ClientFinder, createClientFinder, type FindClient } from "./client.ts";
import { createDocumentCache } from "./document-cache.ts";
import { readKeyDocument } from "./metadata-document.ts";
import type { PinnedGet } from "./pinned-get.ts";
import { createTrustedDocuments, type DocumentPolicy } from "./trusted-documents.ts";

export interface ClientRegistryOptions {
  /** Clients set up beforehand. */
  clients: readonly { id: string; secret?: string }[];
  /** Which metadata documents are trusted; absent: none. */
  documents: DocumentPolicy | undefined;
  allowRedirect: readonly string[];
  currentSite: CurrentSite;
  store: Store;
  get: PinnedGet;
  now: () => number;
  log: Log;
  sourceOf(request: Request): string;
}

export interface ClientRegistry extends ClientFinder {
  /** Each authentication has limits of its own. @param findClient finds the clients that may use it */
  createAuthentication(findClient: FindClient): AuthenticateClient;
}

/** Several keys, some long ones. */
const MAX_KEYS_BYTES = 32 * 1024;

export function createClientRegistry(options: ClientRegistryOptions): ClientRegistry {
  const { documents, get } = options;
  const countSource = createCountedSource(options);
  const finder = createClientFinder({
    ...options,
    countSource,
    documents: documents && createTrustedDocuments({ ...options, policy: documents }),
  });
  const keys = createDocumentCache({ ...options, get, maxBytes: MAX_KEYS_BYTES, read: readKeyDocument });
  const findAssertionFlaw = createAssertionCheck({ ...options, keys });
  return {
    ...finder,
    createAuthentication: (findClient) =>
      createClientAuthentication({ ...options, findClient, findAssertionFlaw, countSource }),
  };
}
