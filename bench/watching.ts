// What `--watch` costs while nothing is saved, and how long a save takes until a client is answered by the new code.
import { copyFile, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { QUIET } from "../src/watch/change-batch.ts";
import { createOurs, ECHO } from "./contenders.ts";
import { sessionCall } from "./mcp.ts";
import { interleave, median, type Effort } from "./sample.ts";
import { timeBare } from "./start-up.ts";
import { openCaller, type Target } from "./wire.ts";

export interface Watching {
  /** Calls a second with `--watch`, as a part of those without. */
  rate: number;
  /** Milliseconds from a save to the first answer of the new code. */
  save: number;
  /** The same, beyond the wait for further saves and the bare server's own start and first answer. */
  saveBeyondBare: number;
}

const LOAD = { concurrency: 32, size: 1024, body: sessionCall };

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
  const watching = await createOurs(program, folder, "with --watch", {
    options: ["--watch"],
    server,
  }).start();
  const plain = await createOurs(program, folder, "without", { server }).start();
  try {
    const rate = await compareRates(watching.first, plain.first, effort);
    const saves: number[] = [];
    const bare: number[] = [];
    for (let round = 1; round <= effort.rounds; round++) {
      saves.push(await timeSave(watching.first, file, round));
      bare.push(await timeBare([ECHO[0]!, file]));
    }
    return { rate, save: median(saves), saveBeyondBare: median(saves) - median(bare) - QUIET };
  } finally {
    await watching.stop();
    await plain.stop();
  }
}

async function compareRates(watched: Target, plain: Target, effort: Effort): Promise<number> {
  const callers = { watched: await openCaller(watched, LOAD), plain: await openCaller(plain, LOAD) };
  const sample = async (name: keyof typeof callers) => {
    const begun = performance.now();
    const { length } = await callers[name].run((_, elapsed) => elapsed >= effort.sampleMs);
    return length / (performance.now() - begun);
  };
  const tasks = { watched: () => sample("watched"), plain: () => sample("plain") };
  await interleave(1, tasks);
  const rounds = effort.quick ? 1 : 3 * effort.rounds;
  const samples = await interleave(rounds, tasks);
  for (const caller of Object.values(callers)) caller.close();
  return median(samples["watched"]!.map((one, round) => one / samples["plain"]![round]!));
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
