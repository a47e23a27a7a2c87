// The least that can be called a bridge, as a yardstick: exchanges ids and knows nothing else. No sign-in,
// no sessions, no events, no log, no check of anything; a server that dies or writes rubbish breaks it.
// Usage: bun thin-bridge.ts PORT COMMAND ARGS…
import { spawn } from "node:child_process";

const LINE_FEED = Buffer.from("\n");
/** An id stands at the beginning or at the end of a message. */
const EXCERPT = 256;

const [port, command, ...args] = process.argv.slice(2);
const server = spawn(command!, args, { stdio: ["pipe", "pipe", "inherit"] });
const waiting = new Map<number, { id: string; resolve: (response: Response) => void }>();
let last = 0;
let pieces: Buffer[] = [];

server.stdout.on("data", (chunk: Buffer) => {
  let from = 0;
  for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
    pieces.push(chunk.subarray(from, at));
    answer(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces));
    pieces = [];
    from = at + 1;
  }
  if (from < chunk.length) pieces.push(chunk.subarray(from));
});

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(port),
  idleTimeout: 0,
  maxRequestBodySize: Number.MAX_SAFE_INTEGER,
  async fetch(request) {
    const body = Buffer.from(await request.arrayBuffer());
    const place = findId(body);
    if (place === undefined) {
      send(body);
      return new Response(null, { status: 202 });
    }
    const number = ++last;
    const { promise, resolve } = Promise.withResolvers<Response>();
    waiting.set(number, { id: body.toString("latin1", place.start, place.end), resolve });
    send(replace(body, place, String(number)));
    return promise;
  },
});

function answer(line: Buffer): void {
  const place = findId(line)!;
  const number = Number(line.toString("latin1", place.start, place.end));
  const { id, resolve } = waiting.get(number)!;
  waiting.delete(number);
  resolve(new Response(replace(line, place, id), { headers: { "content-type": "application/json" } }));
}

function findId(message: Buffer): { start: number; end: number } | undefined {
  for (const from of [0, Math.max(0, message.length - EXCERPT)]) {
    const found = /"id":("[^"]*"|\d+)/.exec(message.toString("latin1", from, from + EXCERPT));
    if (found !== null) return { start: from + found.index + 5, end: from + found.index + found[0].length };
  }
  return undefined;
}

function replace(bytes: Buffer, { start, end }: { start: number; end: number }, text: string): Buffer {
  return Buffer.concat([bytes.subarray(0, start), Buffer.from(text), bytes.subarray(end)]);
}

function send(message: Buffer): void {
  server.stdin.write(Buffer.concat([message, LINE_FEED]));
}
