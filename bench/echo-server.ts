// The server behind every bridge: answers as fast as a process can, so that what is measured is the bridge.
// Reads and writes with plain system calls, never parses, and copies the text of a call without looking at it.
// What it is sent must have no other `"}` before the end of `arguments.text`; the bench sees to that.
import { readSync, writeSync } from "node:fs";

const LINE_FEED = 0x0a;
/** Enough for the id and the method, which stand at the beginning or at the end of a message. */
const EXCERPT = 512;
const WELCOME = JSON.stringify({
  protocolVersion: "2025-11-25",
  capabilities: { tools: {} },
  serverInfo: { name: "echo", version: "1.0.0" },
});
const TOOLS = JSON.stringify({ tools: [{ name: "echo", inputSchema: { type: "object" } }] });

const chunk = Buffer.allocUnsafe(1024 * 1024);
let pieces: Buffer[] = [];

for (let length = read(); length > 0; length = read()) takeLines(chunk.subarray(0, length));

function read(): number {
  return readSync(0, chunk, 0, chunk.length, null);
}

function takeLines(bytes: Buffer): void {
  let from = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, from)) {
    pieces.push(bytes.subarray(from, at));
    answer(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces));
    pieces = [];
    from = at + 1;
  }
  if (from < bytes.length) pieces.push(Buffer.from(bytes.subarray(from)));
}

function answer(line: Buffer): void {
  const excerpt =
    line.toString("latin1", 0, EXCERPT) + line.toString("latin1", Math.max(EXCERPT, line.length - EXCERPT));
  const id = /"id":("[^"]*"|-?\d+)/.exec(excerpt)?.[1];
  if (id === undefined) return;
  const result = (json: string) => write(Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":${json}}\n`));
  if (excerpt.includes('"tools/call"')) return echo(line, id);
  if (excerpt.includes('"initialize"')) return result(WELCOME);
  if (excerpt.includes('"tools/list"')) return result(TOOLS);
  if (excerpt.includes('"ping"')) return result("{}");
  const error = '{"code":-32601,"message":"Method not found"}';
  write(Buffer.from(`{"jsonrpc":"2.0","id":${id},"error":${error}}\n`));
}

function echo(line: Buffer, id: string): void {
  const start = line.indexOf('"text":"') + 8;
  const text = line.subarray(start, line.indexOf('"}', start));
  const before = '{"result":{"content":[{"type":"text","text":"';
  write(Buffer.concat([Buffer.from(before), text, Buffer.from(`"}]},"jsonrpc":"2.0","id":${id}}\n`)]));
}

function write(bytes: Buffer): void {
  for (let written = 0; written < bytes.length;) written += writeSync(1, bytes, written);
}
