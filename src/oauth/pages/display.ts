// Makes text that a stranger chose fit to be shown to a person who must decide by it.

const MAX_NAME = 60;
const MAX_URL = 100;

/** Without control, direction-changing and invisible characters, and short: a name cannot pretend to be more than that. */
export function displayName(name: string): string {
  const plain = name
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, " ")
    .replace(/\p{Cf}/gu, "")
    .replace(/\s+/g, " ")
    .trim();
  const characters = Array.from(plain);
  return characters.length > MAX_NAME ? `${characters.slice(0, MAX_NAME - 1).join("")}…` : plain;
}

/** The part of a redirect URI that says who gets the answer: its host, or its scheme where that is no web address. */
export function displayDestination(redirectUri: string): string {
  const { protocol, host } = new URL(redirectUri);
  return protocol === "https:" || protocol === "http:" ? host : `${protocol}//${host}`;
}

/** A URL in full, shortened where it is longer than anybody reads. */
export function displayUrl(url: string): string {
  const plain = url.replace(/[^\x21-\x7e]/g, "?");
  return plain.length > MAX_URL ? `${plain.slice(0, MAX_URL - 1)}…` : plain;
}
