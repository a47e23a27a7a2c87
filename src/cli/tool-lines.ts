// What people read when the tools of the server change, and when a client goes on with old ones.
import type { StaleEvent, ToolsEvent } from "../app/app.ts";
import { printable } from "../printable.ts";
import { isTokenOwner } from "./request-line.ts";

/** More lines than this are counted. */
const MOST_LINES = 20;
/** More names than this in one line are counted. */
const MOST_NAMES = 5;
const LONGEST_NAME = 60;

/** A line for each tool: `+ new_tool`, `- old_tool`, `~ search_docs: argument "limit" added`. */
export function describeTools({ added, removed, changed, details }: ToolsEvent): string[] {
  const lines = [
    ...added.map((name) => `+ ${show(name)}`),
    ...removed.map((name) => `- ${show(name)}`),
    ...changed.map((name) => `~ ${show(name)}${describeChange(details[name] ?? [])}`),
  ];
  const more = lines.length - MOST_LINES;
  return more > 0 ? [...lines.slice(0, MOST_LINES), `and ${more} more changes of tools`] : lines;
}

function describeChange(words: readonly string[]): string {
  return words.length === 0 ? "" : `: ${enumerate(words)}`;
}

/** Which client has which old list, and what to do there. */
export function describeStale({ client, subject, since, url, ...difference }: StaleEvent): string {
  const name = show(client);
  const { missing, removed, changed } = difference;
  const parts = [
    missing.length > 0 ? `misses ${enumerate(missing)}` : "",
    removed.length > 0 ? `has ${enumerate(removed)}` : "",
    changed.length > 0 ? `has old versions of ${enumerate(changed)}` : "",
  ].filter((part) => part !== "");
  const person = isTokenOwner(subject) ? "" : ` (${show(subject ?? "")})`;
  return `${name}${person} still has the list of ${describeTime(since)}: ${parts.join(", ")}. ${advise(name, url)}`;
}

/** What makes each client fetch its list again. */
function advise(client: string, url: string): string {
  const reconnect = `or connect ${url}.`;
  if (/chatgpt|openai/i.test(client)) return `In ChatGPT: Settings → Connectors → Refresh, ${reconnect}`;
  if (/claude[ -]?code/i.test(client)) return "In Claude Code: /mcp → Reconnect.";
  if (/claude|anthropic/i.test(client))
    return `In Claude: Settings → Connectors → Disconnect and Connect, ${reconnect}`;
  return "Refresh its tool list, or reconnect it.";
}

/** `12:03`, and the day before it when that is another one. */
function describeTime(since: string): string {
  const time = new Date(since);
  const clock = [time.getHours(), time.getMinutes()].map((part) => String(part).padStart(2, "0")).join(":");
  const isToday = time.toDateString() === new Date().toDateString();
  return isToday ? clock : `${time.toLocaleDateString()} ${clock}`;
}

function enumerate(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  const shown = names.slice(0, MOST_NAMES).map(show).join(", ");
  return more > 0 ? `${shown} and ${more} more` : shown;
}

function show(name: string): string {
  return printable(name, LONGEST_NAME);
}
