// A client below HTTP: writes the very bytes a test wants, when it wants, and reads at its own pace.
import { connect, type Socket } from "node:net";
import { until } from "../eras/wire.ts";

export interface RawSocket {
  /** Sends bytes, text as UTF-8, in a packet of their own; resolves when they are under way. */
  write(bytes: string | Uint8Array): Promise<void>;
  /** Bytes received so far. */
  received(): number;
  /** The head of the answer, once it is here; empty when the connection ended without one. */
  head(): Promise<string>;
  /** Everything received, once the connection has ended. */
  ended(): Promise<string>;
  isOpen(): boolean;
  pause(): void;
  resume(): void;
  close(): void;
}

export interface RawOptions {
  /** Begins without reading. */
  paused?: boolean;
  /** Keeps no more than the beginning of what is received. */
  keep?: number;
  /** The address of this machine that it comes from: all of 127.0.0.0/8 is loopback. */
  from?: string;
}

/** Connects to the host and port of a URL. */
export async function connectRaw(
  url: string,
  { paused = false, keep = Infinity, from }: RawOptions = {},
): Promise<RawSocket> {
  const { hostname, port } = new URL(url);
  const socket: Socket = connect({
    port: Number(port),
    host: hostname,
    ...(from !== undefined && { localAddress: from }),
  });
  let text = "";
  let received = 0;
  let open = true;
  socket.on("data", (chunk) => {
    received += chunk.length;
    if (text.length < keep) text += chunk.toString("latin1");
  });
  socket.on("error", () => {});
  socket.on("close", () => (open = false));
  await new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  socket.setNoDelay(true);
  if (paused) socket.pause();
  return {
    write: (bytes) => new Promise((resolve) => socket.write(bytes, () => resolve())),
    received: () => received,
    async head() {
      await until("an answer", () => !open || text.includes("\r\n\r\n"));
      return text.split("\r\n\r\n")[0] ?? "";
    },
    async ended() {
      await until("the end of the connection", () => !open);
      return text;
    },
    isOpen: () => open,
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    close: () => void socket.destroy(),
  };
}

/** Text of a POST with a JSON body. */
export function composePost(url: string, body: object, headers: Record<string, string> = {}): string {
  const { host, pathname } = new URL(url);
  const text = JSON.stringify(body);
  const lines = Object.entries({
    host,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "content-length": String(Buffer.byteLength(text)),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${pathname} HTTP/1.1\r\n${lines.join("")}\r\n${text}`;
}
