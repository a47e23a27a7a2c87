// The config file's `scopes`: names of one's own for parts of what the server offers, so that a person can grant less
// than all of it (RFC 6749 §3.3 says what a name may be; `mcp` and `offline_access` are taken).
import { UserError } from "../errors.ts";
import { isRecord } from "./record.ts";

const TAKEN = ["mcp", "offline_access"];
const EXAMPLE = 'Use, for example, { write: { readOnlyHint: false, description: "Change files" } }.';

interface ScopeMember {
  isRight(value: unknown): boolean;
  /** After "is not": `a list of tools`. */
  noun: string;
  hint: string;
}

const HINT: ScopeMember = {
  isRight: (value) => typeof value === "boolean",
  noun: "true or false",
  hint: "Use true or false.",
};

/** What a scope may say. */
const MEMBERS: Record<string, ScopeMember> = {
  description: {
    isRight: (value) => typeof value === "string" && value.trim() !== "",
    noun: "a text",
    hint: 'Say what the scope is for, such as "Change files".',
  },
  tools: {
    isRight: (value) =>
      Array.isArray(value) && value.every((tool) => typeof tool === "string" && tool !== ""),
    noun: "a list of tools",
    hint: 'Use names such as ["write_file", "delete_*"].',
  },
  readOnlyHint: HINT,
  destructiveHint: HINT,
};
/** One of these must be there. */
const OPENING = ["tools", "readOnlyHint", "destructiveHint"];

/** @throws {UserError} it is not of its shape */
export function checkScopes(scopes: unknown, name: string): void {
  const problem = isRecord(scopes)
    ? Object.entries(scopes).map(findProblem).find(Boolean)
    : ([`scopes is not a table`, EXAMPLE] as const);
  if (problem) throw new UserError(`${problem[0]} in ${name}.`, problem[1]);
}

type ScopeProblem = readonly [what: string, hint: string];

function findProblem([scope, rule]: [string, unknown]): ScopeProblem | undefined {
  const where = `scopes.${scope}`;
  if (!/^[\w.:-]{1,50}$/.test(scope))
    return [`scopes has the key "${scope}", which is not a scope name`, "Use letters, digits and . : _ -."];
  if (TAKEN.includes(scope)) return [`${where} is taken`, "Every token has mcp; choose another name."];
  if (!isRecord(rule)) return [`${where} does not say what it opens`, EXAMPLE];
  for (const [key, value] of Object.entries(rule)) {
    const member = Object.hasOwn(MEMBERS, key) ? MEMBERS[key] : undefined;
    if (member === undefined)
      return [`${where} has an unknown key "${key}"`, `Its keys are ${Object.keys(MEMBERS).join(", ")}.`];
    if (value !== undefined && !member.isRight(value))
      return [`${where}.${key} is not ${member.noun}`, member.hint];
  }
  if (OPENING.every((key) => rule[key] === undefined))
    return [`${where} opens nothing`, "Add tools, readOnlyHint or destructiveHint."];
  return undefined;
}
