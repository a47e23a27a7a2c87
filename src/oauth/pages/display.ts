// Makes text that a stranger chose safe to show to a person who must decide by it.
import { printable } from "../../printable.ts";

const MAX_NAME = 60;
const MAX_URL = 100;

/** Characters that show as a blank or a box, besides those that are never printed: unassigned, private, replacement (UAX #44). */
const BLANK = /[\p{Cn}\p{Co}\p{Cs}\ufffc\ufffd\u{13441}\u{13442}\u{1d159}]/gu;
const READABLE = /[\p{L}\p{N}\p{So}]/u;

/**
 * Printable and short, so that a name cannot pass for other text of the page.
 *
 * @returns an empty text when nothing readable is left
 */
export function displayName(name: string): string {
  const visible = printable(name, name.length).replace(BLANK, "");
  const plain = printable(visible, MAX_NAME);
  return READABLE.test(plain) ? plain : "";
}

/** The name of a client, for people: its own, or `host` where that would be a blank. */
export function displayClient(name: string, host: string): string {
  return displayName(name) || displayName(host) || "?";
}

/** The part of a redirect URI that says where the answer goes: its host, or its scheme if it is not a web address. */
export function displayDestination(redirectUri: string): string {
  const { protocol, host } = new URL(redirectUri);
  return protocol === "https:" || protocol === "http:" ? host : `${protocol}//${host}`;
}

/** A URL, shortened where it is longer than a person reads. */
export function displayUrl(url: string): string {
  const plain = url.replace(/[^\x21-\x7e]/g, "?");
  return plain.length > MAX_URL ? `${plain.slice(0, MAX_URL - 1)}…` : plain;
}
