// Binds an approval page to the browser it was shown in: a form that another site submits, or that another browser was
// shown, is not accepted (OAuth 2.1 §7.10; MCP security best practices, "Confused Deputy").
import { createHmac, timingSafeEqual } from "node:crypto";
import type { CurrentSite } from "../issuer.ts";
import { createSecret, type RandomBytes } from "../secrets.ts";

export interface BrowserBinding {
  /** The browser's mark, and the Set-Cookie header that gives it one if it has none. */
  identify(request: Request): { mark: string; setCookie: string | undefined };
  /** A value for the form that only this browser can send back, for this query. */
  sign(mark: string, query: string): string;
  isSigned(request: Request, query: string, signature: string | undefined): boolean;
}

export interface BrowserBindingOptions {
  currentSite: CurrentSite;
  now: () => number;
  random: RandomBytes;
  /** Secret, of this server alone. */
  formKey: Uint8Array;
}

/** How long a person may take to decide. */
export const PAGE_LIFETIME_MS = 3_600_000;
const MARK = /^[A-Za-z0-9_-]{43}$/;

export function createBrowserBinding(options: BrowserBindingOptions): BrowserBinding {
  const { currentSite, now, random, formKey } = options;
  const isSecure = () => currentSite().issuer.startsWith("https:");
  const nameCookie = () => (isSecure() ? "__Host-mcp-expose" : "mcp-expose");

  const readMark = (request: Request) => {
    const cookies = (request.headers.get("cookie") ?? "").split(/; */);
    const prefix = `${nameCookie()}=`;
    const value = cookies.find((cookie) => cookie.startsWith(prefix))?.slice(prefix.length);
    return value !== undefined && MARK.test(value) ? value : undefined;
  };
  const signUntil = (expiresAt: number, mark: string, query: string) => {
    const mac = createHmac("sha256", formKey).update(`${expiresAt}\n${mark}\n${query}`).digest("base64url");
    return `${expiresAt}.${mac}`;
  };

  return {
    identify: (request) => {
      const known = readMark(request);
      if (known !== undefined) return { mark: known, setCookie: undefined };
      const mark = createSecret(random);
      const attributes = `Path=/; HttpOnly; SameSite=Lax${isSecure() ? "; Secure" : ""}`;
      return { mark, setCookie: `${nameCookie()}=${mark}; ${attributes}` };
    },
    sign: (mark, query) => signUntil(now() + PAGE_LIFETIME_MS, mark, query),
    isSigned: (request, query, signature = "") => {
      const mark = readMark(request);
      const expiresAt = Number.parseInt(signature, 10);
      if (mark === undefined || !(expiresAt > now())) return false;
      const expected = Buffer.from(signUntil(expiresAt, mark, query));
      const given = Buffer.from(signature);
      return given.length === expected.length && timingSafeEqual(given, expected);
    },
  };
}
