// What the project promises of its speed, and whether a run keeps it. Ratios, because machines differ.
import type { IdleCpu } from "./idle-streams.ts";
import type { Memory } from "./memory.ts";
import type { Rate } from "./sample.ts";
import { BARE } from "./start-up.ts";
import type { TokenCheck } from "./token-check.ts";
import type { Watching } from "./watching.ts";

type Rates = Readonly<Record<string, Rate>>;

/** Everything one run has measured, by the contenders' names. */
export interface Results {
  oneAtATime: Rates;
  manyAtATime: Rates;
  large: Rates;
  modern: Rates;
  startUps: Readonly<Record<string, number>>;
  memory: Readonly<Record<string, Memory>>;
  tokenCheck: TokenCheck;
  idleStreams: IdleCpu;
  watching: Watching;
}

export interface Verdict {
  what: string;
  measured: string;
  must: string;
  aim: string;
  verdict: "aim reached" | "kept" | "MISSED";
}

const OURS = "mcp-expose";
const THIN = "thin bridge";

export function judge(results: Results): Verdict[] {
  const { oneAtATime, manyAtATime, large, modern, startUps, memory, tokenCheck, idleStreams, watching } =
    results;
  const own = memory[OURS]!;
  return [
    atLeast("1 KB, 32 at a time, against the fastest peer", againstPeers(manyAtATime), 3, 5),
    atLeast("1 KB, 32 at a time, against the thin bridge", against(manyAtATime, THIN), 0.5, 0.8),
    atLeast("1 KB, one at a time, against the fastest peer", againstPeers(oneAtATime), 2.5, 4),
    atLeast("1 MB, one at a time, against mcp-proxy", againstPeers(large), 2),
    atLeast("1 MB, one at a time, against the thin bridge", against(large, THIN), 0.7, 0.9),
    atLeast("2026-07-28 client, server with sessions, against mcp-proxy", againstPeers(modern), 3),
    atMost("first answered call, beyond the bare server", startUps[OURS]! - startUps[BARE]!, "ms", 150, 80),
    atMost("memory, idle", own.idle, "MB", 70),
    atMost("memory, more after 20,000 calls", own.afterCalls, "MB", 5),
    atMost("memory, more after another 20,000", own.afterMore, "MB", 5),
    atMost("memory, more with 100 sessions open", own.openSessions, "MB", 15),
    atMost("memory, peak of 32 calls of 1 MB", own.largePeak ?? 0, "MB", 350),
    atMost("token check, SQLite store", tokenCheck.known, "µs", 30),
    atMost("token check, right after the store has changed", tokenCheck.fresh, "µs", 30),
    // 2 ms a second is 0.2 % of a core, for a comment to every stream every 15 seconds; the clock ticks every 10 ms.
    atMost(
      `idle CPU more with ${idleStreams.streams} streams`,
      idleStreams.open - idleStreams.alone,
      "ms/s",
      2,
    ),
    atLeast("1 KB, 32 at a time, with --watch against without", watching.rate, 0.98),
    atMost(
      "save to the new code's first answer, beyond the wait and the bare server",
      watching.saveBeyondBare,
      "ms",
      150,
    ),
  ];
}

function against(rates: Rates, name: string): number {
  return rates[OURS]!.callsPerSecond / rates[name]!.callsPerSecond;
}

function againstPeers(rates: Rates): number {
  const peers = Object.keys(rates).filter((name) => !name.startsWith(OURS) && name !== THIN);
  return Math.min(...peers.map((name) => against(rates, name)));
}

function atLeast(what: string, ratio: number, must: number, aim?: number): Verdict {
  return {
    what,
    measured: `${ratio.toFixed(2)} ×`,
    must: `≥ ${must} ×`,
    aim: aim === undefined ? "" : `≥ ${aim} ×`,
    verdict: describe(ratio >= must, aim !== undefined && ratio >= aim),
  };
}

function atMost(what: string, value: number, unit: string, must: number, aim?: number): Verdict {
  return {
    what,
    measured: `${value.toFixed(1)} ${unit}`,
    must: `≤ ${must} ${unit}`,
    aim: aim === undefined ? "" : `≤ ${aim} ${unit}`,
    verdict: describe(value <= must, aim !== undefined && value <= aim),
  };
}

function describe(isKept: boolean, isAimReached: boolean): Verdict["verdict"] {
  return isAimReached ? "aim reached" : isKept ? "kept" : "MISSED";
}
