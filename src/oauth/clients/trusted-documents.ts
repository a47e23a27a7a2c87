// Clients whose id is the URL of a document about them (CIMD draft; MCP authorization, "Client ID Metadata Documents"):
// which hosts are trusted, and what to do where a document cannot be fetched.
import type { Log } from "../../log.ts";
import type { ClientMetadata, ClientRecord } from "../../store/store.ts";
import { findIdFlaw, readClientDocument } from "./metadata-document.ts";
import { createDocumentCache } from "./document-cache.ts";
import { formatFailure, Refusal, refuse } from "../failure.ts";
import { findBuiltInDocument } from "./built-in-documents.ts";
import type { PinnedGet } from "./pinned-get.ts";
import { printable } from "../../printable.ts";

/** The hosts whose documents are trusted, in the one spelling of `host-name.ts`; each includes its subdomains. */
export interface DocumentPolicy {
  /** Absent: all of them. */
  allow?: readonly string[];
  deny: readonly string[];
  /** Whether an id may be plain http to this machine; for tests. */
  allowHttp?: boolean;
}

export interface TrustedDocuments {
  /** Refuses as `bad-document`, `no-document` or `throttled`. */
  find(id: string, source: string): Promise<ClientRecord>;
}

export interface TrustedDocumentsOptions {
  get: PinnedGet;
  policy: DocumentPolicy;
  allowRedirect: readonly string[];
  now: () => number;
  log: Log;
}

/** CIMD draft §8.7. */
const MAX_BYTES = 5 * 1024;

export function createTrustedDocuments(options: TrustedDocumentsOptions): TrustedDocuments {
  const { get, policy, allowRedirect, now, log } = options;
  const cache = createDocumentCache({
    get,
    now,
    maxBytes: MAX_BYTES,
    read: (text, url) => readClientDocument(text, url, allowRedirect),
  });

  async function findMetadata(id: string, source: string): Promise<ClientMetadata> {
    try {
      return await cache.find(id, source);
    } catch (thrown) {
      const known = thrown instanceof Refusal ? findBuiltInDocument(id) : undefined;
      if (!known || !(thrown instanceof Refusal)) throw thrown;
      log.debug(`Using the built-in copy of ${printable(id)}: ${formatFailure(thrown.failure)}`);
      return known;
    }
  }

  return {
    async find(id, source) {
      const flaw = findIdFlaw(id, policy.allowHttp ?? false);
      if (flaw !== undefined) refuse({ kind: "bad-document", url: id, why: `The URL ${flaw}.` });
      if (!isTrusted(new URL(id).hostname, policy))
        refuse({ kind: "bad-document", url: id, why: "Its host is not one that is allowed." });
      return { id, secretHash: null, metadata: await findMetadata(id, source), createdAt: now() };
    },
  };
}

function isTrusted(hostname: string, { allow, deny }: DocumentPolicy): boolean {
  const isOf = (host: string) => hostname === host || hostname.endsWith(`.${host}`);
  return !deny.some(isOf) && (allow?.some(isOf) ?? true);
}
