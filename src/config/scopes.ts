// The config file's `scopes`: names of one's own for parts of what the server offers, so that a person can grant less
// than all of it (RFC 6749 §3.3 says what a name may be; `mcp` and `offline_access` are taken).
import { UserError } from "../errors.ts";

const KEYS = ["description", "tools", "readOnlyHint", "destructiveHint"];
const TAKEN = ["mcp", "offline_access"];
const EXAMPLE = 'Use such as { write: { readOnlyHint: false, description: "Change files" } }.';

/** @throws {UserError} it is not of its shape */
export function checkScopes(scopes: unknown, name: string): void {
  const refuse = (what: string, hint: string): never => {
    throw new UserError(`${what} in ${name}.`, hint);
  };
  if (!isRecord(scopes)) return refuse("scopes is not a table", EXAMPLE);
  for (const [scope, rule] of Object.entries(scopes)) {
    const where = `scopes.${scope}`;
    if (!/^[\w.:-]{1,50}$/.test(scope))
      refuse(`scopes has the key "${scope}", which is no scope`, "Use letters, digits and . : _ -.");
    if (TAKEN.includes(scope))
      refuse(`${where} is taken`, "mcp is what every token has; choose another name.");
    if (!isRecord(rule)) return refuse(`${where} does not say what it opens`, EXAMPLE);
    for (const key of Object.keys(rule))
      if (!KEYS.includes(key)) refuse(`${where} has an unknown key "${key}"`, `It has ${KEYS.join(", ")}.`);
    const { description, tools, readOnlyHint, destructiveHint } = rule;
    if (description !== undefined && (typeof description !== "string" || description.trim() === ""))
      refuse(`${where}.description is not a text`, 'Say what the scope is for, such as "Change files".');
    if (
      tools !== undefined &&
      !(Array.isArray(tools) && tools.every((tool) => typeof tool === "string" && tool !== ""))
    )
      refuse(`${where}.tools is not a list of tools`, 'Use names such as ["write_file", "delete_*"].');
    for (const [hint, value] of Object.entries({ readOnlyHint, destructiveHint }))
      if (value !== undefined && typeof value !== "boolean")
        refuse(`${where}.${hint} is not a yes or a no`, "Use true or false.");
    if (tools === undefined && readOnlyHint === undefined && destructiveHint === undefined)
      refuse(`${where} opens nothing`, "Add tools, readOnlyHint or destructiveHint.");
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
