// Makes text that a stranger chose fit to be shown to a person who must decide by it.
import { printable } from "../../printable.ts";

const MAX_NAME = 60;
const MAX_URL = 100;

/** What leaves a blank or a box beyond what is never printed: unassigned, private, or a picture of nothing (UAX #44). */
const BLANK = /[\p{Cn}\p{Co}\p{Cs}\ufffc\ufffd\u{13441}\u{13442}\u{1d159}]/gu;
const READABLE = /[\p{L}\p{N}\p{So}]/u;

/**
 * Printable, and short: a name cannot pretend to be more than that.
 *
 * @returns an empty text when nothing is left that can be read
 */
export function displayName(name: string): string {
  const visible = printable(name, name.length).replace(BLANK, "");
  const plain = printable(visible, MAX_NAME);
  return READABLE.test(plain) ? plain : "";
}

/** What a client is called where people read it: by its own name, or by `host` where that would be a blank. */
export function displayClient(name: string, host: string): string {
  return displayName(name) || displayName(host) || "?";
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
