// Resource indicators: which of our resources a request is about (RFC 8707 §2; MCP authorization, "Canonical Server URI").
import { refuse } from "../failure.ts";

/**
 * Our own resources that `values` name, in the form we publish; without values, `absent`.
 * Case of scheme and host, a default port and a trailing slash make no difference (RFC 3986 §6.2), nor does the number that
 * a connector's URL gets so that the assistant fetches the tools anew.
 *
 * @param allowed what may be named
 */
export function readResources(
  values: readonly string[],
  allowed: readonly string[],
  absent: readonly string[],
): readonly string[] {
  if (values.length === 0) return absent;
  const named = values.map((value) => {
    const canonical = canonicalize(value);
    const match = canonical && allowed.find((resource) => canonicalize(resource) === canonical);
    return match || refuse({ kind: "bad-target", resource: value });
  });
  return [...new Set(named)];
}

export const RESOURCE_METADATA_PATH = "/.well-known/oauth-protected-resource";

/** Where the metadata of a resource lives: the well-known segment goes before its path (RFC 9728 §3.1). */
export function metadataUrlOf(resource: string): string {
  const { origin, pathname } = new URL(resource);
  return `${origin}${RESOURCE_METADATA_PATH}${pathname}`;
}

/** `?v=2` */
const RENEWED = /^\?v=\d{1,9}$/;

function canonicalize(value: string): string | undefined {
  if (value.includes("#") || !URL.canParse(value)) return undefined;
  const url = new URL(value);
  if (url.username !== "" || url.password !== "") return undefined;
  const query = RENEWED.test(url.search) ? "" : url.search;
  return `${url.origin}${url.pathname.replace(/\/$/, "")}${query}`;
}
