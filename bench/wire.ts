// An HTTP/1.1 client as thin as one can be, so that it takes little of the two cores it shares with what it
// measures: a socket for each call at a time, a request written once and only its id changed, no parser but a look
// at the status and the length (RFC 9112 §6). Reads plain answers and event streams alike.

export interface Target {
  /** Host and port on loopback, and a path. */
  url: string;
  /** Sent with every request. */
  headers: Record<string, string>;
}

export interface Load {
  /** Connections, each with one call in flight. */
  concurrency: number;
  /** Bytes of text in a call and in its answer. */
  size: number;
  /** Writes the body of a call; the bench changes the digits of its id from call to call. */
  body: (id: number, text: string) => string;
  /** One session for each connection instead of one for all: headers added to connection `index`. */
  sessionOf?: (index: number) => Record<string, string>;
}

export interface Caller {
  /** Calls until `until` says so. @returns milliseconds each call took */
  run(until: (done: number, elapsed: number) => boolean): Promise<Float64Array>;
  close(): void;
}

/** The id of the first call: all ids have as many digits, so a body can be changed in place. */
const FIRST_ID = 1_000_000_000;

let lastId = FIRST_ID;

/** Text that looks like a program's source, with the characters that JSON must escape. */
export function sampleText(size: number): string {
  const line = 'export const greeting = "Hello, world"; // \\ a line of some source, 72 wide\n';
  return line.repeat(Math.ceil(size / line.length)).slice(0, size - 1) + ".";
}

export async function openCaller(target: Target, load: Load): Promise<Caller> {
  const lanes = await Promise.all(
    Array.from({ length: load.concurrency }, (_, index) => openLane(target, load, index)),
  );
  return {
    async run(until) {
      const times: number[] = [];
      const start = performance.now();
      await Promise.all(
        lanes.map(async (lane) => {
          for (let now = performance.now(); !until(times.length, now - start);) {
            await lane.call();
            const end = performance.now();
            times.push(end - now);
            now = end;
          }
        }),
      );
      return Float64Array.from(times);
    },
    close: () => lanes.forEach((lane) => lane.close()),
  };
}

interface Lane {
  call(): Promise<void>;
  close(): void;
}

async function openLane({ url, headers }: Target, load: Load, index: number): Promise<Lane> {
  const { hostname, port, host, pathname } = new URL(url);
  const body = Buffer.from(load.body(FIRST_ID, sampleText(load.size)));
  const all = { ...headers, ...load.sessionOf?.(index), host, "content-length": String(body.length) };
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = Buffer.concat([Buffer.from(`POST ${pathname} HTTP/1.1\r\n${head.join("")}\r\n`), body]);
  const idAt = request.indexOf(String(FIRST_ID));
  const reader = createReader();
  let unsent = 0;
  let settle: PromiseWithResolvers<void> | undefined;
  const fail = (why: string) => settle?.reject(new Error(`${url}: ${why}`));

  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      data(_, chunk) {
        const outcome = reader.push(chunk);
        if (outcome === "done" && settle !== undefined) {
          const { resolve } = settle;
          settle = undefined;
          resolve();
        } else if (typeof outcome === "object") fail(outcome.refused);
      },
      drain: flush,
      close: () => fail("the connection was closed"),
      error: (_, error) => fail(error.message),
    },
  });

  function flush(): void {
    if (unsent > 0) unsent -= socket.write(request, request.length - unsent, unsent);
  }

  return {
    call() {
      settle = Promise.withResolvers<void>();
      request.write(String(++lastId), idAt, "latin1");
      reader.expect(lastId);
      unsent = request.length;
      flush();
      return settle.promise;
    },
    close: () => void socket.end(),
  };
}

const HEAD_END = Buffer.from("\r\n\r\n");
/** Bytes looked at of each end of a chunk. */
const EXCERPT = 200;
const LAST_CHUNK = Buffer.from("\r\n0\r\n\r\n");

/** Finds out when an answer is whole; it must be a 200 and carry the id asked for, at its beginning or its end. */
function createReader() {
  let tail = Buffer.alloc(0);
  let remaining = -1;
  let isChunked = false;
  let isIdSeen = false;
  let id = "";
  const begin = (chunk: Buffer): Buffer | { refused: string } | undefined => {
    tail = Buffer.concat([tail, chunk]);
    const end = tail.indexOf(HEAD_END);
    if (end < 0) return undefined;
    const head = tail.toString("latin1", 0, end);
    if (!head.startsWith("HTTP/1.1 200")) return { refused: tail.toString("latin1", 0, 400) };
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    isChunked = length === undefined;
    remaining = isChunked ? Infinity : Number(length);
    const rest = tail.subarray(end + 4);
    tail = Buffer.alloc(0);
    return rest;
  };
  return {
    expect(next: number) {
      id = String(next);
      isIdSeen = false;
      remaining = -1;
    },
    push(chunk: Buffer): "done" | "more" | { refused: string } {
      if (remaining < 0) {
        const rest = begin(chunk);
        if (rest === undefined) return "more";
        if (!Buffer.isBuffer(rest)) return rest;
        chunk = rest;
      }
      // What the last chunk ended with goes in front: neither the id nor the end may fall between two chunks.
      const end = Buffer.concat([tail, chunk.subarray(-EXCERPT)]);
      const excerpt = chunk.toString("latin1", 0, EXCERPT) + end.toString("latin1");
      isIdSeen ||= excerpt.includes(id);
      if (!isChunked) remaining -= chunk.length;
      else if (end.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK)) remaining = 0;
      tail = end.subarray(-32);
      if (remaining > 0) return "more";
      tail = Buffer.alloc(0);
      return isIdSeen ? "done" : { refused: `an answer without the id ${id}: ${excerpt}` };
    },
  };
}
