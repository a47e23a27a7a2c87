// The config file's `ngrok`: what ngrok does with traffic before it comes here.
// ngrok itself checks whether a traffic policy makes sense; here only its shape is checked.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { messageOf, UserError } from "../errors.ts";
import { isRecord } from "./record.ts";
import { ASSISTANTS } from "./choices.ts";
import type { NgrokSettings } from "./config.ts";
import type { ConfigFile } from "./define-config.ts";

const KEYS = ["trafficPolicy", "ranges"];

/** @throws {UserError} it is not of its shape */
export function checkNgrok(ngrok: unknown, name: string): void {
  const refuse = (what: string, hint: string): never => {
    throw new UserError(`${what} in ${name}.`, hint);
  };
  if (!isRecord(ngrok)) return refuse("ngrok is not an object", "Use { trafficPolicy, ranges }.");
  for (const key of Object.keys(ngrok))
    if (!KEYS.includes(key))
      refuse(`ngrok has an unknown key "${key}"`, `Its keys are ${KEYS.join(" and ")}.`);
  const { trafficPolicy, ranges = {} } = ngrok;
  if (trafficPolicy !== undefined && typeof trafficPolicy !== "string" && !isRecord(trafficPolicy))
    refuse(
      "ngrok.trafficPolicy is not a policy",
      "Use an object, its YAML or JSON text, or the path of a file.",
    );
  if (!isRecord(ranges)) return refuse("ngrok.ranges is not an object", 'Use { chatgpt: ["192.0.2.0/24"] }.');
  for (const [assistant, blocks] of Object.entries(ranges)) {
    if (!ASSISTANTS.some((known) => known === assistant))
      refuse(`ngrok.ranges has an unknown key "${assistant}"`, `Its keys are ${ASSISTANTS.join(" and ")}.`);
    if (!Array.isArray(blocks) || blocks.length === 0 || !blocks.every((block) => typeof block === "string"))
      refuse(
        `ngrok.ranges.${assistant} is not a list of address ranges`,
        'Use a list such as ["192.0.2.0/24"].',
      );
  }
}

interface NamedFile {
  name: string;
  /** What a relative path in it starts from, absolute. */
  folder: string;
  values: ConfigFile;
}

/** @throws {UserError} the policy's file cannot be read */
export function readNgrokSettings(file: NamedFile | undefined): NgrokSettings | undefined {
  const ngrok = file?.values.ngrok;
  if (file === undefined || ngrok === undefined) return undefined;
  const { trafficPolicy, ranges } = ngrok;
  return {
    ...(trafficPolicy !== undefined && { trafficPolicy: readPolicy(trafficPolicy, file) }),
    ...(ranges !== undefined && { ranges }),
  };
}

/** A text is a policy if it has a phase with a colon, an object or several lines, and a path otherwise. */
function readPolicy(policy: string | Readonly<Record<string, unknown>>, { name, folder }: NamedFile): string {
  if (typeof policy !== "string") return JSON.stringify(policy);
  if (/^\s*\{|^\s*"?on_[a-z_]+"?\s*:|\n/.test(policy)) return policy;
  const path = resolve(folder, policy);
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    throw new UserError(
      `ngrok.trafficPolicy in ${name}: "${path}" cannot be read: ${messageOf(thrown)}.`,
      "Give the path of a YAML or JSON file, or the policy itself.",
    );
  }
}
