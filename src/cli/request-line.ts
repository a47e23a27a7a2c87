// One line per request. Half of it was chosen by whoever sent the request, so nothing in it may move the cursor.
import type { RequestEvent } from "../app/app.ts";
import { printable } from "../printable.ts";
import type { Style } from "./style.ts";

const LONGEST = 60;

/** `POST /mcp 200 12 ms  tools/call search  ChatGPT` */
export function renderRequest(request: RequestEvent, style: Style): string {
  const { method, path, status, ms, rpc, name, client } = request;
  let line = `${clean(method).padEnd(4)} ${clean(path.split("?")[0]!)} ${mark(status, style)}`;
  line += ` ${style.dim(`${Math.round(ms)} ms`)}`;
  if (rpc !== undefined) line += `  ${clean(rpc)}`;
  if (name !== undefined) line += `${rpc === undefined ? "  " : " "}${clean(name)}`;
  return client === undefined ? line : `${line}  ${style.dim(clean(client))}`;
}

function mark(status: number, style: Style): string {
  return status >= 400 ? style.bold(String(status)) : style.accent(String(status));
}

const clean = (text: string) => printable(text, LONGEST);
