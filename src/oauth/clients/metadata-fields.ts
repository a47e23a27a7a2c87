// Reads single members of client metadata (RFC 7591 §2), of a registration or of a metadata document.
// A member with a wrong type is refused as `bad-client-metadata`; unknown members are ignored.
import type { ClientMetadata } from "../../store/store.ts";
import { refuse } from "../failure.ts";

export type MetadataFields = ReadonlyMap<string, unknown>;

const MAX_TEXT = 500;
const TEXT_FIELDS = ["client_name", "application_type", "software_id", "software_version"] as const;
const LINK_FIELDS = ["client_uri", "logo_uri", "tos_uri", "policy_uri"] as const;

export function parseObject(json: string): MetadataFields {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    value = undefined;
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return new Map(Object.entries(value));
  return refuseMetadata("The body must be a JSON object.");
}

/** The values that are both requested and offered; all that are offered when none are requested. */
export function readOffered(
  body: MetadataFields,
  field: string,
  offered: readonly string[],
  needed: string,
): string[] {
  const asked = readStrings(body, field) ?? offered;
  const both = offered.filter((value) => asked.includes(value));
  return both.includes(needed) ? both : refuseMetadata(`${field} must contain ${needed}.`);
}

export function readTexts(body: MetadataFields): Partial<ClientMetadata> {
  return Object.fromEntries(keepPresent(TEXT_FIELDS.map((field) => [field, readText(body, field)])));
}

/** Only http and https: anything else would be a script or a file behind a link (OAuth 2.1 §7.12). */
export function readLinks(body: MetadataFields): Partial<ClientMetadata> {
  const links = LINK_FIELDS.map((field): [string, string | undefined] => {
    const link = readText(body, field);
    return [field, link !== undefined && /^https?:\/\//i.test(link) && URL.canParse(link) ? link : undefined];
  });
  return Object.fromEntries(keepPresent(links));
}

export function readText(body: MetadataFields, field: string): string | undefined {
  const value = body.get(field) ?? undefined;
  if (value === undefined) return undefined;
  return typeof value === "string" && value.length <= MAX_TEXT
    ? value
    : refuseMetadata(`${field} must be a string of at most ${MAX_TEXT} characters.`);
}

export function readStrings(body: MetadataFields, field: string): string[] | undefined {
  const value = body.get(field) ?? undefined;
  if (value === undefined) return undefined;
  return Array.isArray(value) && value.every((one) => typeof one === "string")
    ? value
    : refuseMetadata(`${field} must be an array of strings.`);
}

export function refuseMetadata(description: string): never {
  return refuse({ kind: "bad-client-metadata", description });
}

function keepPresent(entries: [string, string | undefined][]): [string, string][] {
  return entries.filter((entry): entry is [string, string] => entry[1] !== undefined);
}
