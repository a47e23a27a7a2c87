// The public URL, and what is bound to it: the issuer, and the resources that tokens are for (RFC 8707 §2). A tunnel can come
// back under another URL, so endpoints look this up for each request and never keep it.
import { UserError } from "../errors.ts";
import { isLoopback } from "../loopback.ts";

export interface Site {
  /** The public origin, without a trailing slash. */
  readonly issuer: string;
  /** The resources that tokens are for, such as `https://host/mcp` and `https://host/sse`; the first is the default. */
  readonly resources: readonly string[];
}

export type CurrentSite = () => Site;

export interface MovableSite {
  /** @throws before the first move */
  readonly current: CurrentSite;
  moveTo(publicUrl: string): void;
}

export function createMovableSite(resourcePaths: readonly string[]): MovableSite {
  let site: Site | undefined;
  return {
    current() {
      if (site === undefined) throw new Error("The authorization server has no public URL yet.");
      return site;
    },
    moveTo(publicUrl) {
      site = { issuer: publicUrl, resources: resourcePaths.map((path) => publicUrl + path) };
    },
  };
}

/** @throws {UserError} when clients would refuse the URL as an issuer (RFC 8414 §2), or it would carry tokens in the clear */
export function checkIssuer(publicUrl: string): void {
  const url = URL.canParse(publicUrl) ? new URL(publicUrl) : undefined;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname));
  if (isSafe && url?.origin === publicUrl) return;
  throw new UserError(
    `The public URL "${publicUrl}" cannot be an OAuth issuer.`,
    "Use an https origin without a path, such as https://mcp.example.com; http is for loopback only.",
  );
}
