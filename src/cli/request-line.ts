// One line per request. Half of it was chosen by the sender of the request, so nothing in it may move the cursor.
import type { RequestEvent } from "../app/app.ts";
import { printable } from "../printable.ts";
import type { Style } from "./style.ts";

const LONGEST = 60;
/** Longer than any name that fits on a line beside the rest. */
const LONGEST_CLIENT = 24;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const ID = /^[0-9a-f]{32}$/;

/** `POST /mcp 200 ok 12 ms  tools/call search  ann, ChatGPT` */
export function renderRequest(request: RequestEvent, style: Style): string {
  const { method, path, status, outcome, ms, rpc, name } = request;
  let line = `${clean(method).padEnd(4)} ${clean(path.split("?")[0]!)} ${renderStatus(status, outcome, style)}`;
  line += ` ${style.dim(renderDuration(ms))}`;
  if (rpc !== undefined) line += `  ${clean(rpc)}`;
  // Only a stream has a size without a message.
  else if (request.bytes !== undefined) line += "  stream";
  if (name !== undefined) line += `${rpc === undefined ? "  " : " "}${clean(name)}`;
  const sender = renderSender(request);
  return sender === "" ? line : `${line}  ${style.dim(sender)}`;
}

function renderStatus(status: number, outcome: RequestEvent["outcome"], style: Style): string {
  const isGood = status < 400 && (outcome === undefined || outcome === "result");
  const words = outcome === undefined ? String(status) : `${status} ${OUTCOMES[outcome]}`;
  return isGood ? style.accent(words) : style.bold(words);
}

const OUTCOMES: Record<NonNullable<RequestEvent["outcome"]>, string> = {
  result: "ok",
  "tool-error": "tool error",
  error: "error",
  cancelled: "cancelled",
  refused: "refused",
};

/** A stream may last for hours. */
function renderDuration(ms: number): string {
  if (ms < 10 * SECOND) return `${Math.round(ms)} ms`;
  if (ms < 2 * MINUTE) return `${(ms / SECOND).toFixed(1)} s`;
  return ms < 2 * HOUR ? `${Math.round(ms / MINUTE)} min` : `${(ms / HOUR).toFixed(1)} h`;
}

/** Whether this is the person who has the token, and not a user with a name. */
export const isTokenOwner = (subject: string | undefined) => subject === undefined || subject === "owner";

/** The person and the client; an id that says nothing is shortened. */
function renderSender({ person: subject, client, clientName }: RequestEvent): string {
  // Without users, "owner" would stand on every line.
  const person = isTokenOwner(subject) ? undefined : subject;
  if (client === undefined) return person === undefined ? "" : printable(person, LONGEST_CLIENT);
  const name = printable(clientName ?? (ID.test(client) ? client.slice(0, 8) : client), LONGEST_CLIENT);
  return person === undefined ? name : `${printable(person, LONGEST_CLIENT)}, ${name}`;
}

const clean = (text: string) => printable(text, LONGEST);
