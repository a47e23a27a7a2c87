// Bodies of the endpoints that anyone can reach must be small and arrive soon.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { connectRaw } from "../faults/socket.ts";
import { fixture } from "../eras/wire.ts";
import { type Program, startProgram } from "../program.ts";

setDefaultTimeout(60_000);

let program: Program;
let origin: string;
beforeAll(async () => {
  program = await startProgram(["--tunnel", "none", "--auth", "optional", fixture("obedient")]);
  ({ origin } = new URL(program.ready.url));
});
afterAll(() => program.stop());

const FORM = "application/x-www-form-urlencoded";
const ENDPOINTS = [
  ["/token", FORM],
  ["/revoke", FORM],
  ["/introspect", FORM],
  ["/authorize", FORM],
  ["/register", "application/json"],
  // An anonymous caller counts the same.
  ["/mcp", "application/json"],
] as const;

/** The head of a POST. */
function head(path: string, type: string, length: string): string {
  const { host } = new URL(origin);
  return `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: ${type}\r\n${length}\r\n\r\n`;
}

describe.each(ENDPOINTS)("%s", (path, type) => {
  test.each([
    ["announced", "Content-Length: 100", "x"],
    ["in chunks", "Transfer-Encoding: chunked", "1\r\nx\r\n"],
  ])(
    "found 3: a body that does not come whole is given up, and so is its connection (%s)",
    async (_, length, part) => {
      const socket = await connectRaw(origin);
      await socket.write(head(path, type, length));
      // A byte now and then does not keep it.
      const drip = setInterval(() => void socket.write(part), 500);
      const answer = await socket.ended();
      clearInterval(drip);
      expect(answer).toStartWith("HTTP/1.1 408");
    },
  );

  test("found 3: a body over 64 KB is refused when it is announced, before any of it is here", async () => {
    const socket = await connectRaw(origin);
    await socket.write(head(path, type, `Content-Length: ${64 * 1024 + 1}`));
    expect(await socket.head()).toStartWith(path === "/authorize" ? "HTTP/1.1 400" : "HTTP/1.1 413");
    socket.close();
  });
});
