/** @jsxImportSource hono/jsx */
// Answers a person who opens a resource's URL in a browser: with the 401 and challenge that every request without a
// token gets (RFC 6750 §3), but with a page for a body. No MCP client asks for a page first.
import type { Authenticate } from "../access/bearer-guard.ts";
import type { Challenger } from "../access/challenge.ts";
import type { RespondWithPage } from "../pages/page-response.ts";
import type { CurrentSite } from "../issuer.ts";
import { LandingPage } from "../pages/landing-page.tsx";

export interface BrowserLandingOptions {
  currentSite: CurrentSite;
  serverName: string;
  challenger: Challenger;
  respondWithPage: RespondWithPage;
}

/** @param authenticate answers all other requests */
export function withBrowserLanding(options: BrowserLandingOptions, authenticate: Authenticate): Authenticate {
  const { challenger, respondWithPage } = options;
  const createPage = createLandingPage(options);
  return (request, resourcePath) => {
    if (!isBrowserNavigation(request)) return authenticate(request, resourcePath);
    const challenge = challenger.describe({ kind: "no-token" }, resourcePath);
    return { ok: false, response: respondWithPage(createPage(), 401, { "WWW-Authenticate": challenge }) };
  };
}

export function createLandingPage({
  currentSite,
  serverName,
}: Pick<BrowserLandingOptions, "currentSite" | "serverName">) {
  return () => <LandingPage serverName={serverName} url={currentSite().resources[0] ?? ""} />;
}

/** Browsers name HTML before anything else when a person opens a URL (WHATWG Fetch, "document `Accept` header value"). */
export function isBrowserNavigation({ method, headers }: Request): boolean {
  if (method !== "GET" || headers.has("authorization")) return false;
  return /^\s*text\/html\s*(?:[,;]|$)/i.test(headers.get("accept") ?? "");
}
