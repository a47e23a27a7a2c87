// Keeps what was fetched for as long as HTTP allows (RFC 9111 §4.2 and §5.2; CIMD draft §5.2), and bounds how much
// a stranger can make us fetch: one request per URL at a time, few in all, two per network, and so many per source.
// Must not keep an error or a document that its reader refused.
import type { IncomingHttpHeaders } from "node:http";
import { messageOf } from "../../errors.ts";
import { refuse } from "../failure.ts";
import { FetchProblem, type PinnedGet } from "./pinned-get.ts";
import { createThrottle } from "../limits/throttle.ts";
import { groupNetwork } from "../limits/source.ts";

export interface DocumentCache<T> {
  /**
   * The document at a URL. Refuses with `no-document` when it cannot be fetched.
   *
   * @param source what to count by: the group of the address on whose behalf it is fetched, or a name of its own
   * @param maxAge milliseconds since it was fetched, after which it is fetched anew even if it may still be kept
   */
  find(url: string, source: string, maxAge?: number): Promise<T>;
}

export interface DocumentCacheOptions<T> {
  get: PinnedGet;
  now: () => number;
  maxBytes: number;
  /** Parses the text; errors it throws are passed on. */
  read(text: string, url: string): T;
}

interface CachedDocument<T> {
  document: T;
  fetchedAt: number;
  freshUntil: number;
}

const MAX_ENTRIES = 200;
const MAX_AT_ONCE = 8;
/** A host may be slow on purpose: one place must not delay all others. */
const MAX_AT_ONCE_PER_NETWORK = 2;
const WINDOW_MS = 10 * 60_000;
const FETCHES_PER_SOURCE = 60;
/** Lifetime of an answer that does not state one. */
const DEFAULT_MS = 5 * 60_000;
const LONGEST_MS = 24 * 3_600_000;

export function createDocumentCache<T>({
  get,
  now,
  maxBytes,
  read,
}: DocumentCacheOptions<T>): DocumentCache<T> {
  const entries = new Map<string, CachedDocument<T>>();
  const running = new Map<string, { document: Promise<T>; network: string }>();
  const throttle = createThrottle({ limit: FETCHES_PER_SOURCE, windowMs: WINDOW_MS, now });

  async function fetchDocument(url: string): Promise<T> {
    const { text, headers } = await get(url, maxBytes).catch((thrown: unknown) => {
      if (thrown instanceof FetchProblem) return refuse({ kind: "no-document", url, why: messageOf(thrown) });
      throw thrown;
    });
    const document = read(text, url);
    entries.delete(url);
    entries.set(url, { document, fetchedAt: now(), freshUntil: now() + readFreshness(headers) });
    const [oldest] = entries.keys();
    if (entries.size > MAX_ENTRIES && oldest !== undefined) entries.delete(oldest);
    return document;
  }

  function checkBounds(url: string, source: string, network: string): void {
    const retryAfter = throttle.waitOf(source);
    if (retryAfter > 0) refuse({ kind: "throttled", retryAfter, who: source });
    const own = [...running.values()].filter((one) => one.network === network);
    if (running.size >= MAX_AT_ONCE || own.length >= MAX_AT_ONCE_PER_NETWORK)
      refuse({ kind: "no-document", url, why: `too many are being fetched, ${own.length} for ${network}` });
    throttle.count(source);
  }

  return {
    async find(url, source, maxAge = Infinity) {
      const entry = entries.get(url);
      if (entry && entry.freshUntil > now() && entry.fetchedAt + maxAge > now()) return entry.document;
      const begun = running.get(url);
      if (begun) return await begun.document;
      const network = groupNetwork(source);
      checkBounds(url, source, network);
      const document = fetchDocument(url).finally(() => running.delete(url));
      running.set(url, { document, network });
      return await document;
    },
  };
}

/** How long an answer may be kept, in milliseconds: none that says `no-store`, and a day at most. */
export function readFreshness(headers: IncomingHttpHeaders): number {
  const directives = (headers["cache-control"] ?? "").toLowerCase().split(/ *, */);
  if (directives.includes("no-store") || directives.includes("no-cache")) return 0;
  const maxAge = directives
    .map((one) => /^max-age="?(\d+)"?$/.exec(one)?.[1])
    .find((value) => value !== undefined);
  const lifetime = maxAge === undefined ? readExpiry(headers) : Number(maxAge) * 1000;
  const age = Number(headers.age ?? 0) * 1000 || 0;
  return Math.min(Math.max(lifetime - age, 0), LONGEST_MS);
}

/** By the sender's own clock, since ours may differ. */
function readExpiry({ expires, date }: IncomingHttpHeaders): number {
  if (expires === undefined) return DEFAULT_MS;
  return Date.parse(expires) - Date.parse(date ?? "") || 0;
}
