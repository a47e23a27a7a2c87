// The names that decide what a message means, and what can pass for one. Parsers disagree about that: encoding/json of Go
// matches names without regard to case, `ſ` and the Kelvin sign included, and the last one wins (CVE-2026-27896,
// docker/mcp-gateway#414), .NET does so by PropertyNameCaseInsensitive, json/v2 of Go leaves out `_` and `-` by
// `case:ignore`, and pydantic takes `request_id` for `requestId` by populate_by_name. A message that such a reader and we
// read differently could do what nobody allowed; it is none. But members of vendors have names too, and only those of MCP's
// own methods and what is decided on for any method are held against them.
import { META } from "../mcp/meta.ts";
import { METHODS } from "../mcp/methods.ts";

/**
 * When a member is in doubt that some readers take for a known one.
 *
 * - `refused`: always.
 * - `null`: unless it is null and the known one is not there, as pydantic writes what it has no value for.
 * - `beside`: where the known one is there too; alone, nothing is decided from it. `_meta` is looked into: another one is
 *   in doubt when either of the two holds what is known.
 */
type Twins = "refused" | "null" | "beside";

/** What is known of the members of an object. */
export interface Vocabulary {
  /** What is known in turn of the members of those that are looked into. */
  readonly names: ReadonlyMap<string, Vocabulary | null>;
  /** The same names by `foldName`. */
  readonly folded: ReadonlyMap<string, string>;
  /** Hashes of the same. */
  readonly hashes: ReadonlySet<number>;
  readonly twins: Twins;
}

/** What is known of a message. */
export interface MessageVocabulary extends Vocabulary {
  /** The same where the method is none of MCP's. */
  readonly foreign: Vocabulary;
}

const CAPABILITIES = createVocabulary(
  "experimental extensions roots tasks",
  {
    elicitation: createVocabulary("form url", {}, "beside"),
    sampling: createVocabulary("context tools", {}, "beside"),
  },
  "beside",
);

const PARAMS_META = createVocabulary(
  ["progressToken", ...Object.values(META)],
  { [META.capabilities]: CAPABILITIES },
  "null",
);

/** Of what clients send with MCP's own methods, those of every revision and method together. */
const CLIENT_PARAMS = createVocabulary(
  `argument arguments clientInfo context cursor inputResponses level message name notifications progress progressToken
  protocolVersion reason ref requestId requestState task taskId total uri`,
  { _meta: PARAMS_META, capabilities: CAPABILITIES },
  "null",
);

/** Of what clients send with methods of others, that from which something is decided whatever the method. */
const FOREIGN_CLIENT_PARAMS = createVocabulary(
  "inputResponses requestState",
  { _meta: PARAMS_META },
  "beside",
);

const SERVER_META = createVocabulary([META.subscription]);

/** Of what servers send only that from which something is decided: what is in doubt here is lost. */
const SERVER_PARAMS = createVocabulary(
  "level mode progressToken requestId tools uri",
  { _meta: SERVER_META },
  "beside",
);

const FOREIGN_SERVER_PARAMS = createVocabulary("", { _meta: SERVER_META }, "beside");

/** Likewise. From the results of clients nothing is decided. */
const RESULT = createVocabulary(
  "inputRequests nextCursor requestState resultType supportedVersions tools",
  {},
  "beside",
);

export const CLIENT_MESSAGE: MessageVocabulary = {
  ...createVocabulary("jsonrpc id method error result", { params: CLIENT_PARAMS }),
  foreign: createVocabulary("jsonrpc id method error result", { params: FOREIGN_CLIENT_PARAMS }),
};
export const SERVER_MESSAGE: MessageVocabulary = {
  ...createVocabulary("jsonrpc id method error", { params: SERVER_PARAMS, result: RESULT }),
  foreign: createVocabulary("jsonrpc id method error result", { params: FOREIGN_SERVER_PARAMS }),
};

/** A tool in the answer to `tools/list`. */
export const TOOL = createVocabulary("name", {
  annotations: createVocabulary("readOnlyHint destructiveHint"),
});

const KNOWN_METHODS = createVocabulary(METHODS);

export function isMethod(name: string): boolean {
  return KNOWN_METHODS.names.has(name);
}

/** What is wrong with a method that readers could take for another: some dispatch without regard to case, some end at a NUL. */
export function doubtMethod(method: string): string | undefined {
  if (KNOWN_METHODS.names.has(method)) return undefined;
  if (isUnshowable(method)) return "the method holds what cannot be shown";
  const known = findTwin(method, KNOWN_METHODS);
  return known && describeTwin(method, known);
}

/** Some servers end a name at a NUL, and some make U+FFFD of half a character: they would look up another one. */
export function isUnshowable(name: string): boolean {
  return /\p{Cc}|\p{Cs}/u.test(name);
}

/** Which known name some readers take a name for that is not known. */
export function findTwin(name: string, { folded, hashes }: Vocabulary): string | undefined {
  const hash = hashName(name);
  return hash >= 0 && !hashes.has(hash) ? undefined : folded.get(foldName(name));
}

export function describeTwin(name: string, known: string): string {
  return `some readers take ${quote(name)} for "${known}"`;
}

export function quote(name: string): string {
  return JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);
}

/** Equal for names that any reader takes for each other. */
function foldName(name: string): string {
  return foldCase(name).replaceAll(/_|-/g, "");
}

/**
 * Equal for names that differ by case; those in C end at a NUL. What differs in more than case folds too, such as `ı` and
 * `i`: it is better to refuse a name that nobody means.
 */
export function foldCase(name: string): string {
  const end = name.indexOf("\0");
  const text = end < 0 ? name : name.slice(0, end);
  return text.toUpperCase().toLowerCase().replaceAll("\u0307", "");
}

/** Equal for names of ASCII that fold alike, and a tenth of the cost of folding them; −1 for other names. */
function hashName(name: string): number {
  let hash = 0;
  for (let index = 0; index < name.length; index++) {
    const code = name.charCodeAt(index);
    if (code === 0 || code > 0x7f) return -1;
    // `_` and `-`
    if (code === 0x5f || code === 0x2d) continue;
    hash = (hash * 31 + (code >= 0x41 && code <= 0x5a ? code | 0x20 : code)) & 0x3fffffff;
  }
  return hash;
}

/** @param inside names of members that are looked into, and what is known there */
function createVocabulary(
  names: string | readonly string[],
  inside: Readonly<Record<string, Vocabulary>> = {},
  twins: Twins = "refused",
): Vocabulary {
  const plain = typeof names === "string" ? names.split(/\s+/).filter(Boolean) : names;
  const known = new Map<string, Vocabulary | null>(plain.map((name) => [name, null]));
  for (const [name, vocabulary] of Object.entries(inside)) known.set(name, vocabulary);
  const all = [...known.keys()];
  return {
    names: known,
    folded: new Map(all.map((name) => [foldName(name), name])),
    hashes: new Set(all.map(hashName)),
    twins,
  };
}
