// The side of the ingress that the internet talks to: finds the agent by Host, adds what ngrok adds, passes bytes.
// One connection carries one request (or one upgraded connection), so that one head is all that is rewritten.
import type { Socket } from "node:net";
import type { MuxStream } from "./muxado-session.ts";

/** The largest request head that is waited for: bytes. */
const MAXIMUM_HEAD = 1024 * 1024;
const END_OF_HEAD = "\r\n\r\n";

/** A stream to the agent that serves `host`, or nothing when none does. */
export type OpenProxy = (host: string, clientAddress: string) => MuxStream | undefined;

export function servePublic(socket: Socket, openProxy: OpenProxy, howToAbort: "fin" | "rst"): void {
  let head = Buffer.alloc(0);
  const readHead = (chunk: Buffer) => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf(END_OF_HEAD);
    if (end < 0) return head.length > MAXIMUM_HEAD ? void socket.destroy() : undefined;
    socket.off("data", readHead);
    socket.pause();
    const { host, text } = rewriteHead(head.toString("latin1", 0, end), socket.remoteAddress ?? "127.0.0.1");
    const stream = openProxy(host, `${socket.remoteAddress}:${socket.remotePort}`);
    if (!stream) return void socket.end(offlinePage(host));
    stream.bytes.write(Buffer.concat([Buffer.from(text, "latin1"), head.subarray(end + END_OF_HEAD.length)]));
    joinBytes(socket, stream, howToAbort);
  };
  socket.on("error", () => {});
  socket.on("data", readHead);
}

function joinBytes(socket: Socket, stream: MuxStream, howToAbort: "fin" | "rst"): void {
  const { bytes, abort } = stream;
  socket.pipe(bytes, { end: false });
  bytes.once("data", (first: Buffer) => {
    bytes.pause();
    socket.write(announceEnd(first));
    bytes.pipe(socket);
  });
  bytes.on("error", () => {});
  bytes.on("end", () => bytes.end());
  bytes.on("close", () => socket.destroySoon());
  socket.on("end", () => abort(howToAbort));
  socket.on("close", () => abort(howToAbort));
}

/** Without this header a client may send its next request into the closing connection (RFC 9112 §9.6). */
function announceEnd(answer: Buffer): Buffer {
  const [version, status = ""] = answer.toString("latin1", 0, "HTTP/1.1 200".length).split(" ");
  const endOfLine = answer.indexOf("\r\n");
  if (version !== "HTTP/1.1" || status.startsWith("1") || endOfLine < 0) return answer;
  const head = [answer.subarray(0, endOfLine), Buffer.from("\r\nConnection: close")];
  return Buffer.concat([...head, answer.subarray(endOfLine)]);
}

/** ngrok appends to X-Forwarded-For and -Proto, and leaves a Host or X-Forwarded-Host that the client sent. */
function rewriteHead(head: string, clientAddress: string): { host: string; text: string } {
  const [requestLine = "", ...lines] = head.split("\r\n");
  const find = (name: string) => {
    const line = lines.find((candidate) => candidate.toLowerCase().startsWith(`${name}:`));
    return line?.slice(line.indexOf(":") + 1).trim();
  };
  const append = (name: string, value: string) => [find(name), value].filter(Boolean).join(", ");
  const host = find("host") ?? "";
  const rewritten: Record<string, string> = {
    "x-forwarded-for": append("x-forwarded-for", clientAddress),
    "x-forwarded-host": find("x-forwarded-host") ?? host,
    "x-forwarded-proto": append("x-forwarded-proto", "https"),
  };
  if (find("upgrade") === undefined) rewritten["connection"] = "close";
  const kept = lines.filter((line) => !(line.slice(0, line.indexOf(":")).toLowerCase() in rewritten));
  const added = Object.entries(rewritten).map(([name, value]) => `${name}: ${value}`);
  return { host, text: [requestLine, ...kept, ...added].join("\r\n") + END_OF_HEAD };
}

function offlinePage(host: string): string {
  const body = `The endpoint ${host} is offline.\n\nERR_NGROK_3200\n`;
  return [
    "HTTP/1.1 404 Not Found",
    "Content-Type: text/plain",
    "Ngrok-Error-Code: ERR_NGROK_3200",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
    "",
    body,
  ].join("\r\n");
}
