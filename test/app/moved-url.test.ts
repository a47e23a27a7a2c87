// The whole program behind a tunnel that comes back under another URL: what names the URL is made anew, and nothing else.
import { setDefaultTimeout, test, expect } from "bun:test";
import { join } from "node:path";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { fixture, until } from "../eras/wire.ts";
import {
  authorizeQuery,
  callResource,
  connect,
  openPage,
  registerClient,
  submitPage,
  TOKEN,
} from "../oauth/harness.ts";
import { type Program, ROOT, startProgram } from "../program.ts";

setDefaultTimeout(60_000);

const RIGHT = { token: TOKEN, decision: "approve" };
const WRONG = { token: "a guess", decision: "approve" };

test("a source that has to wait still waits, a known browser is still known, and a sign-in for the new URL works", async () => {
  await using moving = await startBehindStandIn();
  const { program, local } = moving;
  const client = await registerClient(local);
  const { access_token: old } = await connect(local, client);
  expect((await callResource(local, old)).status).not.toBe(401);
  const known = await openPage(local, authorizeQuery(client));
  expect((await submitPage(local, known, RIGHT)).status).toBe(303);
  const stranger = await openPage(local, authorizeQuery(client));
  for (let index = 0; index < 10; index++)
    expect((await submitPage(local, stranger, WRONG)).status).toBe(401);
  expect((await submitPage(local, stranger, RIGHT)).status).toBe(429);

  const url = await moving.move();
  expect(url).not.toBe(program.ready.url);
  expect((await submitPage(local, stranger, RIGHT)).status).toBe(429);
  expect((await submitPage(local, known, RIGHT)).status).toBe(303);
  expect((await callResource(local, old)).status).toBe(401);
  const again = await openPage(local, authorizeQuery(client, { resource: url }), { Cookie: known.cookie });
  expect((await submitPage(local, { ...again, cookie: known.cookie }, RIGHT)).status).toBe(303);
});

/** A stand-in of cloudflared hands out another URL each time it is started. */
async function startBehindStandIn() {
  const folder = mkdtempSync(join(tmpdir(), "mcp-expose-moved-"));
  const log = join(folder, "runs");
  const PATH = `${join(ROOT, "test/fixtures/bin")}:${process.env["PATH"]}`;
  const words = ["--tunnel", "cloudflared", "--token", TOKEN, fixture("obedient")];
  const program = await startProgram(words, { env: { PATH, STAND_IN: "", STAND_IN_LOG: log } });
  const listReady = () =>
    program.events.filter((event): event is Program["ready"] => event.event === "ready");
  return {
    program,
    /** The same server on this machine. */
    local: new URL(program.ready.local).origin,
    async move(): Promise<string> {
      const { pid } = JSON.parse(readFileSync(log, "utf8")) as { pid: number };
      process.kill(pid, "SIGKILL");
      await until("there is another URL", () => listReady().length === 2);
      return listReady()[1]!.url;
    },
    async [Symbol.asyncDispose]() {
      await program.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
