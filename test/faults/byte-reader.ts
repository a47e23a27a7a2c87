// A client that takes a single byte out of its connection on command. A runtime's own sockets read ahead,
// as much as there is; so this one is the system's (socket(7), recv(2)). Linux only.
import { closeSync, writeSync } from "node:fs";
import { dlopen, ptr } from "bun:ffi";

export interface ByteReader {
  write(text: string): void;
  /** Takes the next byte, if there is one. */
  readByte(): void;
  /** From now on takes whatever is there, as long as there is something. @returns bytes received in all */
  readAll(): number;
  /** The beginning of what was received. */
  text(): string;
  close(): void;
}

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const MSG_DONTWAIT = 0x40;
/** The kernel makes 2304 bytes of anything less, and of those it announces a half. */
const SMALLEST = 1;
const LARGE = 4 * 1024 * 1024;
const KEPT = 1_000;

/**
 * Connects so many times to the host and port of a URL.
 *
 * The receive buffers are the smallest there are: what is not read waits at the other side, some of it in the kernel's
 * send buffer (4 MB at most, the last number of tcp_wmem in tcp(7)) and the rest in the process behind it. Single bytes
 * move nothing there, since TCP announces no room below half a buffer (RFC 9293 §3.8.6.2.2).
 */
export function connectByteReaders(url: string, count: number): ByteReader[] {
  const libc = openLibc();
  return Array.from({ length: count }, () => connectOne(libc, new URL(url)));
}

function connectOne(libc: ReturnType<typeof openLibc>, { host, hostname, port }: URL): ByteReader {
  const fd = libc.socket(AF_INET, SOCK_STREAM, 0);
  const limitBuffer = (bytes: number) =>
    libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, ptr(Int32Array.of(bytes)), 4);
  limitBuffer(SMALLEST);
  if (libc.connect(fd, ptr(composeAddress(hostname, Number(port))), 16) !== 0)
    throw new Error(`no way to ${host}`);
  const buffer = Buffer.alloc(256 * 1024);
  let text = "";
  let received = 0;
  const take = (most: number): boolean => {
    const count = Number(libc.recv(fd, ptr(buffer), most, MSG_DONTWAIT));
    if (count <= 0) return false;
    received += count;
    if (text.length < KEPT) text += buffer.toString("latin1", 0, count);
    return true;
  };
  return {
    write: (request) => void writeSync(fd, request),
    readByte: () => void take(1),
    readAll() {
      limitBuffer(LARGE);
      while (take(buffer.length));
      return received;
    },
    text: () => text.slice(0, KEPT),
    close: () => closeSync(fd),
  };
}

function composeAddress(ip: string, port: number): Buffer {
  const address = Buffer.alloc(16);
  address.writeUInt16LE(AF_INET, 0);
  address.writeUInt16BE(port, 2);
  address.set(ip.split(".").map(Number), 4);
  return address;
}

function openLibc() {
  return dlopen("libc.so.6", {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
    connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
    recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
  }).symbols;
}
