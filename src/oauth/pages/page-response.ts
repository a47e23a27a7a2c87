// Sends a page to a browser, with the headers that keep it out of frames, caches and referrers
// (OAuth 2.1 §7.11, RFC 9700 §4.2 and §4.16).
import { createHash } from "node:crypto";
import { STYLE } from "./style.ts";

export type RespondWithPage = (
  page: { toString(): string },
  status: number,
  headers?: Record<string, string>,
) => Response;

export function createPageResponder(): RespondWithPage {
  const styleHash = createHash("sha256").update(STYLE).digest("base64");
  const policy = `default-src 'none'; style-src 'sha256-${styleHash}'; img-src data:; base-uri 'none'; frame-ancestors 'none'`;
  return (page, status, { formAction = "'none'", ...headers } = {}) =>
    new Response(`<!doctype html>${page.toString()}`, {
      status,
      headers: {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": `${policy}; form-action ${formAction}`,
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        ...headers,
      },
    });
}
