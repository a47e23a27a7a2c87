// `mcp-expose grants`: who has access, and taking it away. Works on the store itself; a running server notices.
import { defineCommand } from "citty";
import { resolveStore } from "../config/resolve.ts";
import { suggestName } from "../config/suggestion.ts";
import { UserError } from "../errors.ts";
import { printable, toJsonLine } from "../printable.ts";
import { type CommandLine, hasFlag } from "./command-line.ts";
import type { CliIO } from "./io.ts";
import { readSettings } from "./settings.ts";

type Grants = Awaited<ReturnType<(typeof import("../app/app.ts"))["openGrants"]>>;
type ListedGrant = Awaited<ReturnType<Grants["list"]>>[number];
type ListedEnd = Awaited<ReturnType<Grants["listUnconfigured"]>>[number];

const HINT = "Use grants list, grants revoke <id> or grants revoke --all.";

export function createGrantsCommand(line: CommandLine, io: CliIO) {
  const [verb] = line.args;
  const list = defineCommand({
    run: async ({ args }) => {
      expectWords(args._, 0);
      if (hasFlag(line, "all")) throw new UserError("--all belongs to grants revoke.", HINT);
      await withGrants(line, io, (grants, show) => listGrants(grants, show, io.now()));
    },
  });
  const revoke = defineCommand({
    run: async ({ args }) => {
      const all = hasFlag(line, "all");
      const [id] = args._;
      expectWords(args._, all ? 0 : 1);
      if (!all && id === undefined) throw new UserError("grants revoke needs a grant's id.", HINT);
      await withGrants(line, io, (grants, show) =>
        id === undefined ? revokeAll(grants, show) : revokeOne(grants, id, show),
      );
    },
  });
  // Without a prototype, since citty looks names up with `in`.
  const subCommands = Object.assign(Object.create(null) as Record<string, typeof list>, { list, revoke });
  if (verb === undefined || !(verb in subCommands)) throw refuseVerb(verb, Object.keys(subCommands));
  return defineCommand({ subCommands });
}

/** Prints the result of a command: text for people, or the same as records. */
type Show = (people: string, records: readonly object[]) => void;

async function listGrants(grants: Grants, show: Show, now: number): Promise<void> {
  const all = await grants.list();
  const ended = await grants.listUnconfigured();
  const living = all.length === 0 ? "No one has access.\n" : renderTable(all, now);
  show(living + renderEnded(ended), [...all.map(toRecord), ...ended.map(toEndedRecord)]);
}

async function revokeAll(grants: Grants, show: Show): Promise<void> {
  const revoked = await grants.revokeAll();
  show(revoked === 1 ? "Revoked 1 grant.\n" : `Revoked ${revoked} grants.\n`, [{ revoked }]);
}

async function revokeOne(grants: Grants, id: string, show: Show): Promise<void> {
  // Every id begins with an empty text: an unset variable in a script would revoke a grant that it does not name.
  if (id.trim() === "") throw new UserError("The grant id is empty.", HINT);
  const grant = findGrant(await grants.list(), id);
  await grants.revoke(grant.id);
  show(`Revoked ${grant.id}: ${printable(grant.clientName)} of ${printable(grant.subject)}.\n`, [
    { revoked: 1, id: grant.id },
  ]);
}

function findGrant(all: readonly ListedGrant[], id: string): ListedGrant {
  const found = all.filter((grant) => grant.id === id || grant.id.startsWith(id));
  const exact = found.find((grant) => grant.id === id) ?? (found.length === 1 ? found[0] : undefined);
  if (exact !== undefined) return exact;
  if (found.length > 1)
    throw new UserError(
      `Several grants begin with "${id}".`,
      "Give more of the id; see mcp-expose grants list.",
    );
  throw new UserError(`There is no grant "${id}".`, "See mcp-expose grants list.");
}

async function withGrants(
  line: CommandLine,
  io: CliIO,
  work: (grants: Grants, show: Show) => Promise<void>,
): Promise<void> {
  const { settings } = await readSettings(line, io);
  const where = resolveStore(settings, io);
  const json = settings.json?.value ?? false;
  const { openGrants } = await import("../app/app.ts");
  const grants = await openGrants(where, io.now);
  try {
    await work(grants, (people, records) =>
      io.stdout.write(json ? records.map((record) => `${toJsonLine(record)}\n`).join("") : people),
    );
  } finally {
    await grants.close();
  }
}

function toRecord({ serverId: _serverId, resources: _resources, endsAt: _endsAt, ...record }: ListedGrant) {
  return { state: "active", ...record };
}

function renderTable(all: readonly ListedGrant[], now: number): string {
  const digits = countTellingDigits(all);
  const rows = [
    ["ID", "CLIENT", "USER", "SERVER", "HOST", "FROM", "SINCE", "LAST USE"],
    ...all.map((grant) => [
      grant.id.slice(0, digits),
      printable(grant.clientName),
      printable(grant.subject),
      printable(grant.serverName),
      printable(grant.host),
      printable(grant.source),
      new Date(grant.createdAt).toISOString().slice(0, 10),
      renderAge(now - Math.max(grant.usedAt ?? 0, grant.renewedAt)),
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, at) => cell.padEnd(widths[at] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

const SHORTEST_ID = 8;

/** How many digits of an id name one grant only: `grants revoke` takes the first digits. */
function countTellingDigits(all: readonly ListedGrant[]): number {
  let digits = SHORTEST_ID;
  while (new Set(all.map(({ id }) => id.slice(0, digits))).size < all.length) digits++;
  return digits;
}

function renderEnded(ended: readonly ListedEnd[]): string {
  if (ended.length === 0) return "";
  const lines = ended.map(
    (grant) =>
      `${grant.id}  ${printable(grant.clientName)}  ended ${renderTime(grant.endedAt)}: ${printable(renderReason(grant))}\n`,
  );
  return `\n${lines.join("")}`;
}

function toEndedRecord(grant: ListedEnd) {
  return { state: "ended", ...grant, reason: renderReason(grant) };
}

function renderReason({ subject }: ListedEnd): string {
  return subject === "owner" ? "the token no longer signs anyone in" : `${subject} is no longer configured`;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function renderAge(ms: number): string {
  if (ms < MINUTE) return "just now";
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ago`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h ago`;
  return `${Math.floor(ms / DAY)} days ago`;
}

function renderTime(time: number): string {
  return new Date(time).toISOString().slice(0, 16).replace("T", " ");
}

function expectWords(words: readonly string[], count: number): void {
  if (words.length > count)
    throw new UserError(`Unexpected argument "${printable(words[count] ?? "")}".`, HINT);
}

function refuseVerb(verb: string | undefined, known: readonly string[]): UserError {
  if (verb === undefined) return new UserError("grants needs a command.", HINT);
  const meant = suggestName(verb, known);
  return new UserError(
    `grants has no command "${printable(verb)}".`,
    meant === undefined ? HINT : `Did you mean grants ${meant}?`,
  );
}
