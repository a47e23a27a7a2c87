// The places that ngrok's agent has for requests: strangers, of whom the internet has any number, get a few of them.
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { composePost, connectRaw, type RawSocket } from "../faults/socket.ts";
import { fixture, INITIALIZE, listen, openSession, until } from "../eras/wire.ts";
import { connect, registerClient, TOKEN } from "../oauth/harness.ts";
import { ask, type Exposed, exposeThroughNgrok } from "./through-ngrok.ts";

setDefaultTimeout(60_000);

const FORM = "application/x-www-form-urlencoded";
/** Of 400 places, strangers have a quarter, and those at one address a fifth of that. */
const STRANGERS = 100;
const OF_ONE_ADDRESS = 20;

let exposed: Exposed;
let url: string;
/** The headers of a person who was let in. */
let person: Record<string, string>;
beforeAll(async () => {
  exposed = await exposeThroughNgrok(["--token", TOKEN, fixture("obedient")]);
  url = exposed.ingress.publicUrl;
  const { access_token } = await connect(url, await registerClient(url));
  person = { authorization: `Bearer ${access_token}` };
});
afterAll(() => exposed[Symbol.asyncDispose]());

const sockets: RawSocket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});

/** Begins a POST whose body never comes whole. */
async function begin(path: string, from: string, headers: Record<string, string> = {}): Promise<RawSocket> {
  const socket = await connectRaw(url, { from });
  sockets.push(socket);
  const whole = composePost(url + path, INITIALIZE, headers);
  await socket.write(whole.slice(0, -10));
  return socket;
}

const beginMany = (path: string, from: string, count: number, headers: Record<string, string> = {}) =>
  Promise.all(Array.from({ length: count }, () => begin(path, from, headers)));

/** Until those that found no place have been told so; the others wait for their bodies, and hold one. */
async function awaitRefusals(begun: readonly RawSocket[], places: number): Promise<void> {
  let told = 0;
  for (const socket of begun) void socket.head().then(() => (told += 1));
  await until("all others are refused", () => told >= begun.length - places);
}

/** The status an unfinished request is answered with, whenever that is, and how many got it. */
async function countStatuses(begun: readonly RawSocket[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const socket of begun) {
    const [, status = "none"] = (await socket.head()).split(" ");
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

const isServed = async (headers: Record<string, string>) =>
  (await (await openSession(`${url}/mcp`, headers)).call("cwd")).result !== undefined;

describe("somebody without a token", () => {
  test("found 3: holds a few places from one address, and none for long, with unfinished bodies of POST /token", async () => {
    const begun = await beginMany("/token", "127.0.0.2", 60, { "content-type": FORM });
    await awaitRefusals(begun, OF_ONE_ADDRESS);
    const refused = await Promise.all(
      Array.from({ length: 5 }, () => ask(`${url}/healthz`, { from: "127.0.0.2" })),
    );
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([503]));
    expect(refused[0]!.headers["retry-after"]).toBe("5");
    expect((await ask(`${url}/healthz`, { from: "127.0.0.3" })).status).toBe(200);
    expect(await isServed(person)).toBeTrue();
    expect(await countStatuses(begun)).toEqual({ "408": OF_ONE_ADDRESS, "503": 60 - OF_ONE_ADDRESS });
    expect((await ask(`${url}/healthz`, { from: "127.0.0.2" })).status).toBe(200);
  });

  test("found 3: holds no more than a quarter from however many addresses, and people are served", async () => {
    const sources = Array.from({ length: 12 }, (_, index) => `127.0.1.${index + 1}`);
    const many = sources.map((from) => beginMany("/register", from, OF_ONE_ADDRESS));
    const begun = (await Promise.all(many)).flat();
    await awaitRefusals(begun, STRANGERS);
    expect((await ask(`${url}/healthz`, { from: "127.0.2.1" })).status).toBe(503);
    expect(await isServed(person)).toBeTrue();
    expect(await countStatuses(begun)).toEqual({ "408": STRANGERS, "503": begun.length - STRANGERS });
    expect((await ask(`${url}/healthz`, { from: "127.0.2.1" })).status).toBe(200);
  });

  test("found 3: is told 401 before a body, and keeps none of the agent's streams by holding it back", async () => {
    const session = exposed.ingress.sessions[0]!;
    for (let round = 0; round < 6; round++) {
      const begun = await beginMany("/mcp", "127.0.0.2", 100);
      const counts = await countStatuses(begun);
      expect(counts).toEqual({ "401": 100 });
    }
    expect(exposed.ingress.sessions).toEqual([session]);
    expect(await isServed(person)).toBeTrue();
  });

  test("found 3: who is still sending when it is refused gets the answer all the same", async () => {
    const body = JSON.stringify({ ...INITIALIZE, padding: "x".repeat(3_000_000) });
    const headers = { "content-type": "application/json" };
    for (let round = 0; round < 5; round++) {
      const { status } = await ask(`${url}/mcp`, { method: "POST", headers, body });
      expect(status).toBe(401);
    }
  });

  test.each(["GET", "HEAD", "DELETE", "OPTIONS"])(
    "found 3: a %s that announces a body is not waited for",
    async (method) => {
      const socket = await connectRaw(url, { from: "127.0.0.2" });
      sockets.push(socket);
      const { host } = new URL(url);
      await socket.write(`${method} /healthz HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5\r\n\r\nx`);
      expect(await socket.head()).toMatch(/^HTTP\/1\.1 (?:200|204|404)/);
      await socket.ended();
    },
  );
});

test("found 3: people's requests take no place of strangers', whatever they hold back", async () => {
  const begun = await beginMany("/mcp", "127.0.0.2", 3 * OF_ONE_ADDRESS, person);
  expect((await ask(`${url}/healthz`, { from: "127.0.0.2" })).status).toBe(200);
  expect(await isServed(person)).toBeTrue();
  expect(begun.every((socket) => socket.isOpen())).toBeTrue();
});

test("found 3: where looking is open, a stranger's streams take a stranger's place for as long as they last", async () => {
  await using open = await exposeThroughNgrok(["--auth", "optional", fixture("obedient")]);
  const { publicUrl } = open.ingress;
  const streams = [];
  for (let count = 0; count < OF_ONE_ADDRESS; count++) streams.push(listen(await fetch(`${publicUrl}/sse`)));
  expect((await fetch(`${publicUrl}/sse`)).status).toBe(503);
  expect((await fetch(`${publicUrl}/healthz`)).status).toBe(503);
  await streams.pop()!.close();
  await until("its place is free", async () => (await fetch(`${publicUrl}/healthz`)).status === 200);
  for (const stream of streams) await stream.close();
});
