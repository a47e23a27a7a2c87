// What `--watch` costs while nothing is saved, and how long a save takes until a client is answered by the new code.
import { copyFile, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { QUIET } from "../src/watch/change-batch.ts";
import { createOurs, ECHO, type Contender } from "./contenders.ts";
import { sessionCall } from "./mcp.ts";
import { interleave, median, type Effort } from "./sample.ts";
import { timeBare } from "./start-up.ts";
import { openCaller, type Caller, type Target } from "./wire.ts";

export interface Watching {
  /** Calls a second with `--watch`, as a part of those without. */
  rate: number;
  /** Milliseconds from a save to the first answer of the new code. */
  save: number;
  /** The same, beyond the wait for further saves and the bare server's own start and first answer. */
  saveBeyondBare: number;
}

const LOAD = { concurrency: 32, size: 1024, body: sessionCall };

/** Samples of each of two processes. */
const SAMPLES = 5;

export async function measureWatching(
  program: readonly string[],
  folder: string,
  effort: Effort,
): Promise<Watching> {
  const code = join(folder, "watched");
  await mkdir(code);
  await writeFile(join(code, "package.json"), "{}");
  const file = join(code, "server.ts");
  await copyFile(ECHO[1]!, file);
  const server = [file];
  const watching = createOurs(program, folder, "with --watch", { options: ["--watch"], server });
  const plain = createOurs(program, folder, "without", { server });
  const ratios: number[] = [];
  for (let round = 0; round < effort.rounds; round++)
    ratios.push(await compareRates(watching, plain, { ...effort, isSwapped: round % 2 === 1 }));
  const running = await watching.start();
  try {
    const saves: number[] = [];
    const bare: number[] = [];
    for (let round = 1; round <= effort.rounds; round++) {
      saves.push(await timeSave(running.first, file, round));
      bare.push(await timeBare([ECHO[0]!, file]));
    }
    return {
      rate: median(ratios),
      save: median(saves),
      saveBeyondBare: median(saves) - median(bare) - QUIET,
    };
  } finally {
    await running.stop();
  }
}

/**
 * Of two processes that have just been started: one and a copy of it differ by up to an eighth, so that one pair says
 * nothing.
 */
async function compareRates(
  one: Contender,
  other: Contender,
  { sampleMs, isSwapped }: Effort & { isSwapped: boolean },
): Promise<number> {
  const started: Awaited<ReturnType<Contender["start"]>>[] = [];
  try {
    for (const contender of isSwapped ? [other, one] : [one, other]) started.push(await contender.start());
    const callers = await Promise.all(started.map(({ first }) => openCaller(first, LOAD)));
    const [mine, its] = isSwapped ? callers.toReversed() : callers;
    const sample = async (caller: Caller) => {
      const begun = performance.now();
      const { length } = await caller.run((_, elapsed) => elapsed >= sampleMs);
      return length / (performance.now() - begun);
    };
    const samples = await interleave(SAMPLES, { one: () => sample(mine!), other: () => sample(its!) });
    for (const caller of callers) caller.close();
    return median(samples["one"]!.map((rate, round) => rate / samples["other"]![round]!));
  } finally {
    for (const { stop } of started) await stop();
  }
}

/** Saves as an editor does, and calls until an answer is the new code's. */
async function timeSave({ url, headers }: Target, file: string, round: number): Promise<number> {
  const mark = `save ${round}: `;
  const source = await readFile(ECHO[1]!, "utf8");
  // The answer's text begins with the mark.
  const changed = source.replace(`"type":"text","text":"';`, `"type":"text","text":"${mark}';`);
  if (changed === source) throw new Error("The echo server's answer is written in another way now.");
  const draft = `${file}.draft~`;
  await writeFile(draft, changed);
  await rename(draft, file);
  const begun = performance.now();
  for (let id = 2_000; performance.now() - begun < 20_000; id++) {
    const response = await fetch(url, { method: "POST", headers, body: sessionCall(id, "x") });
    if ((await response.text()).includes(mark)) return performance.now() - begun;
  }
  throw new Error("No answer of the new code within 20 s.");
}
