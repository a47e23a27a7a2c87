// The month's count of requests: across restarts and months, and beside another mcp-expose.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRequestQuota } from "../../src/tunnel/request-quota.ts";

let folder = "";
let file = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mcp-expose-quota-"));
  file = join(folder, "state", "requests.json");
});
afterEach(() => rmSync(folder, { recursive: true }));

let time = Date.parse("2026-11-21T12:00:00Z");
const warnings: number[] = [];
const open = () =>
  createRequestQuota({ file, limit: 10, now: () => time, warn: (count) => void warnings.push(count) });
const stored = () => JSON.parse(readFileSync(file, "utf8")) as { month: string; requests: number };

beforeEach(() => {
  time = Date.parse("2026-11-21T12:00:00Z");
  warnings.length = 0;
});

test("warns once when 80 % are used up, also across restarts", async () => {
  const first = await open();
  for (let count = 1; count <= 5; count++) first.count();
  await first.close();
  expect(warnings).toEqual([]);
  const second = await open();
  for (let count = 6; count <= 9; count++) second.count();
  await second.close();
  expect(warnings).toEqual([8]);
  const third = await open();
  third.count();
  await third.close();
  expect(warnings).toEqual([8]);
  expect(stored()).toMatchObject({ month: "2026-11", requests: 10 });
});

test("starts at zero each month, while it runs and at the next start", async () => {
  const quota = await open();
  for (let count = 1; count <= 9; count++) quota.count();
  time = Date.parse("2026-12-01T00:00:01Z");
  quota.count();
  await quota.close();
  expect(stored()).toMatchObject({ month: "2026-12", requests: 1 });
  time = Date.parse("2027-01-01T00:00:00Z");
  const next = await open();
  next.count();
  await next.close();
  expect(stored()).toMatchObject({ month: "2027-01", requests: 1 });
});

test("adds to what another mcp-expose has counted meanwhile", async () => {
  const [one, other] = [await open(), await open()];
  one.count();
  other.count();
  other.count();
  await one.close();
  await other.close();
  expect(stored()).toMatchObject({ requests: 3 });
});

test("counts from zero if the file is broken, and does not fail if it cannot be written", async () => {
  const broken = join(folder, "broken.json");
  writeFileSync(broken, "{");
  const options = { limit: 10, now: () => time, warn: () => {} };
  const quota = await createRequestQuota({ ...options, file: broken });
  quota.count();
  await quota.close();
  expect(JSON.parse(readFileSync(broken, "utf8"))).toMatchObject({ requests: 1 });
  const nowhere = await createRequestQuota({ ...options, file: join(broken, "below-a-file.json") });
  nowhere.count();
  await nowhere.close();
});
