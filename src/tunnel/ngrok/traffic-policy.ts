// Makes the endpoint's traffic policy: the rule that admits only some networks, then the person's own rules.
// https://ngrok.com/docs/traffic-policy/actions/restrict-ips. ngrok applies it; a request that it refuses never arrives here.
import { isIP } from "node:net";
import { messageOf, UserError } from "../../errors.ts";
import { type Assistant, PUBLISHED } from "../assistant-addresses.ts";

export interface PolicyOptions {
  /** A whole policy, YAML or JSON; passed on unchanged if nothing has to be added. */
  trafficPolicy?: string;
  /** The assistants whose servers may call; absent: any server may. */
  only?: readonly Assistant[];
  /** CIDR blocks that replace the published ones. */
  ranges?: Partial<Record<Assistant, readonly string[]>>;
  /** Fetches a list that is published as a file. */
  fetch(url: string, init: { signal: AbortSignal }): Promise<Response>;
}

const FETCH_TIMEOUT = 10_000;

/** A person approves in a browser, from any address. */
const NOT_THE_APPROVAL_PAGE = "req.url.path != '/authorize'";

/** @throws {UserError} with exit code 2: the policy or a range is not valid */
export function checkPolicy({ trafficPolicy, ranges = {} }: PolicyOptions): void {
  if (trafficPolicy !== undefined) parsePolicy(trafficPolicy);
  for (const range of Object.values(ranges).flat()) {
    if (isRange(range)) continue;
    const hint = "Use CIDR, such as 192.0.2.0/24 or 2001:db8::/32.";
    throw new UserError(`"${String(range)}" is not an address range.`, hint);
  }
}

/**
 * @param options checked by `checkPolicy`
 * @returns the policy to bind with, if there is any
 * @throws {UserError} with exit code 1 when a published list cannot be fetched
 */
export async function composePolicy(options: PolicyOptions): Promise<string | undefined> {
  const { trafficPolicy, only } = options;
  const policy = trafficPolicy === undefined ? {} : parsePolicy(trafficPolicy);
  if (only === undefined) return trafficPolicy;
  const ranges = await Promise.all(only.map((assistant) => findRanges(assistant, options)));
  const rule = {
    name: `only ${only.join(", ")}`,
    expressions: [NOT_THE_APPROVAL_PAGE],
    actions: [{ type: "restrict-ips", config: { enforce: true, allow: ranges.flat() } }],
  };
  return JSON.stringify({ ...policy, on_http_request: [rule, ...(policy.on_http_request ?? [])] });
}

type TrafficPolicy = Record<string, unknown> & { on_http_request?: readonly unknown[] };

function parsePolicy(text: string): TrafficPolicy {
  try {
    const policy: unknown = Bun.YAML.parse(text);
    if (isPolicy(policy)) return policy;
  } catch {
    // A parser's message may quote the policy, and a policy may contain a secret.
  }
  throw new UserError(
    "The ngrok traffic policy is not valid.",
    "Use YAML or JSON with phases such as on_http_request, each a list: https://ngrok.com/docs/traffic-policy",
  );
}

function isPolicy(value: unknown): value is TrafficPolicy {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(([phase, rules]) => /^on_[a-z_]+$/.test(phase) && Array.isArray(rules));
}

async function findRanges(
  assistant: Assistant,
  { ranges, fetch }: PolicyOptions,
): Promise<readonly string[]> {
  const published = PUBLISHED[assistant];
  const given = ranges?.[assistant];
  if (given !== undefined) return given;
  if ("ranges" in published) return published.ranges;
  try {
    const response = await fetch(published.list, { signal: AbortSignal.timeout(FETCH_TIMEOUT) });
    if (!response.ok) throw new Error(`status ${response.status}`);
    return readList(await response.json());
  } catch (thrown) {
    throw new UserError(
      `The address ranges of ${assistant} could not be fetched from ${published.list}: ${messageOf(thrown)}.`,
      `Set them in the config file as ngrok: { ranges: { ${assistant}: ["…/…"] } }, or leave ${assistant} out of --only.`,
      1,
    );
  }
}

function readList(document: unknown): string[] {
  const { prefixes } = document as { prefixes?: unknown };
  if (!Array.isArray(prefixes)) throw new Error("it has no prefixes");
  const ranges = prefixes.flatMap((prefix: Record<string, unknown>) => [
    prefix["ipv4Prefix"],
    prefix["ipv6Prefix"],
  ]);
  const found = ranges.filter((range) => range !== undefined);
  if (found.length === 0 || !found.every(isRange))
    throw new Error("it contains something other than address ranges");
  return found;
}

/** Whether `value` is a CIDR block (RFC 4632 §3.1, RFC 4291 §2.3). */
function isRange(value: unknown): value is string {
  const [, address = "", length = ""] = /^([\da-f.:]+)\/(\d{1,3})$/i.exec(String(value)) ?? [];
  const longest = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return typeof value === "string" && Number(length) <= longest;
}
