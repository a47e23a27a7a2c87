import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  authorizeQuery,
  callResource,
  openPage,
  redeem,
  refresh,
  registerClient,
  submitPage,
  type Tokens,
} from "../oauth/harness.ts";

const GRANTS = 1000;
/** Refreshes after which the process is killed: by then the others are in every state there is. */
const ENOUGH = 200;

let folder: string;
const children: Bun.Subprocess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mcp-expose-crash-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
    await child.exited;
  }
  rmSync(folder, { recursive: true });
});

async function startProcess(where: string) {
  const script = join(import.meta.dir, "crash-server.ts");
  const child = Bun.spawn([process.execPath, script, where], { stdout: "pipe", stderr: "inherit" });
  children.push(child);
  const { value } = await child.stdout.getReader().read();
  return { child, url: new TextDecoder().decode(value).trim() };
}

/** The answers that one client got before the process died. */
interface Answers {
  code: string;
  tokens?: Tokens;
  refreshed?: Tokens;
}

const tokensOf = async (response: Response): Promise<Tokens | undefined> =>
  response.status === 200 ? ((await response.json()) as Tokens) : undefined;

async function approveMany(url: string, client: string): Promise<string[]> {
  const page = await openPage(url, authorizeQuery(client));
  const codes: string[] = [];
  const approveNext = async (): Promise<void> => {
    while (codes.length < GRANTS) {
      const index = codes.push("") - 1;
      const location = (await submitPage(url, page)).headers.get("location") ?? "";
      codes[index] = new URL(location).searchParams.get("code") ?? "";
    }
  };
  await Promise.all(Array.from({ length: 16 }, approveNext));
  return codes;
}

/** Redeems and refreshes all at once, and kills the process in the middle of it. */
async function crash(
  url: string,
  client: string,
  codes: readonly string[],
  kill: () => void,
): Promise<Answers[]> {
  const answers = codes.map((code): Answers => ({ code }));
  let refreshes = 0;
  const run = async (one: Answers) => {
    const tokens = await tokensOf(await redeem(url, client, one.code));
    if (!tokens) return;
    one.tokens = tokens;
    const refreshed = await tokensOf(await refresh(url, client, tokens.refresh_token));
    if (!refreshed) return;
    one.refreshed = refreshed;
    refreshes += 1;
    if (refreshes === ENOUGH) kill();
  };
  await Promise.allSettled(answers.map(run));
  return answers;
}

async function inBatches<T>(all: readonly T[], check: (one: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < all.length; at += 50) await Promise.all(all.slice(at, at + 50).map(check));
}

test("S13, T5: kill -9 in the middle of 1,000 grants loses none a client was told of, and nothing is good twice", async () => {
  const where = join(folder, "state.db");
  const first = await startProcess(where);
  const client = await registerClient(first.url);
  const codes = await approveMany(first.url, client);
  const answers = await crash(first.url, client, codes, () => first.child.kill("SIGKILL"));
  await first.child.exited;
  const redeemed = answers.filter(({ tokens }) => tokens !== undefined);
  const refreshed = answers.filter((one) => one.refreshed !== undefined);
  expect(refreshed.length).toBeGreaterThanOrEqual(ENOUGH);
  expect(refreshed.length).toBeLessThan(GRANTS);

  const db = new Database(where);
  expect(db.query("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
  expect(db.query("PRAGMA foreign_key_check").all()).toEqual([]);
  db.close();

  const { url } = await startProcess(where);
  const isGood = async (token: string) => (await callResource(url, token)).status === 200;
  await inBatches(redeemed, async ({ tokens, refreshed: second }) => {
    expect(await isGood(tokens!.access_token)).toBe(true);
    if (second) expect(await isGood(second.access_token)).toBe(true);
    // Within the grace window a used token leads to the successor that was given out, and to no second one.
    const both = await Promise.all(
      [1, 2].map(async () => tokensOf(await refresh(url, client, tokens!.refresh_token))),
    );
    const successors = new Set(both.map((answer) => answer?.refresh_token));
    expect(successors.size).toBe(1);
    if (second) expect([...successors]).toEqual([second.refresh_token]);
  });
  await inBatches(answers, async ({ code, tokens }) => {
    const tries = await Promise.all([redeem(url, client, code), redeem(url, client, code)]);
    const good = tries.filter(({ status }) => status === 200).length;
    if (tokens) expect(good).toBe(0);
    else expect(good).toBeLessThanOrEqual(1);
  });
}, 120_000);
