// Half an hour of mixed traffic, or `npm run soak -- 5` for five minutes: prints the cost of the program all the time, and
// at the end that of each quarter. The status is 1 if anything has grown, a server ended unexpectedly, or an answer was
// wrong. Beside it, if the run is long enough, a session rests for seventeen minutes and goes on. Linux only.
import { messageOf } from "../src/errors.ts";
import { findFaults, measureLoad, measureRest, type Growth, type Sample } from "../test/soak/growth.ts";
import { restAndCall } from "../test/soak/rest.ts";
import { soak } from "../test/soak/soak.ts";

const MINUTE = 60_000;
const SAMPLES = 60;
/** A process that no one uses ends after fifteen, or sixteen. */
const REST_MINUTES = 17;

const minutes = Number(process.argv[2] ?? 30);
if (!(minutes > 0)) throw new Error("usage: npm run soak -- [minutes]");
// Beside the traffic, in a program of its own; a shorter run has no time for it.
const resting = minutes > REST_MINUTES ? restAndCall(REST_MINUTES * MINUTE) : Promise.resolve([]);
const faults = [...(await run()), ...(await resting)];
console.log(faults.length === 0 ? "Flat." : `Not flat:\n${faults.join("\n")}`);
process.exit(faults.length === 0 ? 0 : 1);

async function run(): Promise<string[]> {
  const samples: Sample[] = [];
  console.log("second  actions  memory MB  descriptors  timers  processes");
  try {
    const result = await soak(minutes * MINUTE, Math.max((minutes * MINUTE) / SAMPLES, 1_000), (sample) => {
      samples.push(sample);
      print(sample);
    });
    print(result.after);
    console.log("\n                          by quarter of the run: growth, at most");
    [...measureLoad(samples), ...measureRest(result)].forEach(printGrowth);
    console.log(`server processes: ${result.lost} ended by themselves, ${result.crashes} were made to`);
    return findFaults(result);
  } catch (thrown) {
    if (samples.length >= 4) measureLoad(samples).forEach(printGrowth);
    return [`It broke off after ${samples.at(-1)?.at ?? 0} seconds: ${messageOf(thrown)}`];
  }
}

function print({ at, actions, memory, descriptors, timers, processes }: Sample): void {
  const columns = [at, actions, Math.round(memory / 1024 / 1024), descriptors, timers, processes];
  const widths = [6, 9, 11, 13, 8, 11];
  console.log(columns.map((value, index) => String(value).padStart(widths[index]!)).join(""));
}

function printGrowth({ what, figures, grown, limit }: Growth): void {
  const steps = figures.map((figure) => String(figure).padStart(6)).join("");
  console.log(
    `${what.padEnd(24)}${steps.padEnd(24)}: ${String(grown).padStart(6)}, ${String(limit).padStart(7)}`,
  );
}
