// The boxes of the approval page: which scopes a person can leave out, and which were left ticked.
import { parseParameters, type Parameters } from "../wire/parameters.ts";
import type { Choice } from "../pages/approval-page.tsx";
import { listOptionalScopes } from "../access/scopes.ts";
import type { ToolScopeTable } from "../access/tool-scopes.ts";

/** @param form what was sent before, when the page is shown again; at first every box is ticked */
export function listChoices(
  asked: readonly string[],
  table: ToolScopeTable,
  form: Parameters | undefined,
): Choice[] {
  return listOptionalScopes(asked).map((scope) => ({
    name: fieldOf(scope),
    label: table[scope]?.description ?? scope,
    isTicked: form === undefined || form.get(fieldOf(scope)) !== undefined,
  }));
}

/** The scopes that were asked for, without those the person unticked. */
export function readChoices(asked: readonly string[], form: Parameters): readonly string[] {
  const optional = listOptionalScopes(asked);
  return asked.filter((scope) => !optional.includes(scope) || form.get(fieldOf(scope)) !== undefined);
}

/** The same choices without the rest of the form, for keeping: a stranger chose how long the form is. */
export function keepChoices(asked: readonly string[], form: Parameters): Parameters {
  const fields = listOptionalScopes(asked).map(fieldOf);
  const ticked = fields.filter((field) => form.get(field) !== undefined);
  return parseParameters(ticked.map((field) => `${encodeURIComponent(field)}=yes`).join("&"));
}

/** Each box has a name of its own, since no field may come twice. */
function fieldOf(scope: string): string {
  return `scope:${scope}`;
}
