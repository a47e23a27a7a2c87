// Parameters of a query or a form as OAuth reads them: no value means omitted, and none may be repeated
// (RFC 6749 §3.1 and §3.2) but `resource` (RFC 8707 §2).
import { readTextBody } from "./text-body.ts";
import { refuse } from "../failure.ts";

export interface Parameters {
  /** The value, or undefined when it was omitted or sent empty. */
  get(name: string): string | undefined;
  getAll(name: string): readonly string[];
  /** The value in its percent-encoded form, as it came. */
  getEncoded(name: string): string | undefined;
  /** Names that may occur only once and did not. */
  readonly repeated: readonly string[];
}

const MAY_REPEAT: ReadonlySet<string> = new Set(["resource"]);
const FORM = "application/x-www-form-urlencoded";

/** @param encoded `name=value&…`, without a leading question mark */
export function parseParameters(encoded: string): Parameters {
  const values = new Map<string, string[]>();
  const encodedValues = new Map<string, string>();
  for (const pair of encoded.split("&")) {
    for (const [name, value] of new URLSearchParams(pair)) {
      const all = values.get(name);
      if (all === undefined) values.set(name, [value]);
      else all.push(value);
      encodedValues.set(name, pair.slice(pair.indexOf("=") + 1));
    }
  }
  const getAll = (name: string) => (values.get(name) ?? []).filter((value) => value !== "");
  return {
    get: (name) => getAll(name)[0],
    getAll,
    getEncoded: (name) => (getAll(name)[0] === undefined ? undefined : encodedValues.get(name)),
    repeated: [...values]
      .filter(([name, all]) => all.length > 1 && !MAY_REPEAT.has(name))
      .map(([name]) => name),
  };
}

export function refuseRepeated({ repeated: [name] }: Parameters): void {
  if (name !== undefined) refuse({ kind: "repeated-parameter", name });
}

/** Reads a form body; repeated parameters are refused. */
export async function readForm(request: Request): Promise<Parameters> {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== FORM) refuse({ kind: "bad-request", description: `The body must be ${FORM}.` });
  const form = parseParameters(await readTextBody(request));
  refuseRepeated(form);
  return form;
}
