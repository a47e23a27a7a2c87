// Half an hour of mixed traffic, or `npm run soak -- 5` for five minutes: what the program costs is printed all along,
// and the status is 1 if anything has grown or any answer was wrong. Linux only.
import { findGrowth, soak, type Sample } from "../test/soak/soak.ts";

const MINUTE = 60_000;
const SAMPLES = 60;

const minutes = Number(process.argv[2] ?? 30);
if (!(minutes > 0)) throw new Error("usage: npm run soak -- [minutes]");
console.log("second  actions  memory MB  descriptors  timers  processes");
const result = await soak(minutes * MINUTE, Math.max((minutes * MINUTE) / SAMPLES, 1_000), print);
print(result.after);
const growth = findGrowth(result);
console.log(growth.length === 0 ? "Flat." : growth.join("\n"));
process.exit(growth.length === 0 ? 0 : 1);

function print({ at, actions, memory, descriptors, timers, processes }: Sample): void {
  const columns = [at, actions, Math.round(memory / 1024 / 1024), descriptors, timers, processes];
  const widths = [6, 9, 11, 13, 8, 11];
  console.log(columns.map((value, index) => String(value).padStart(widths[index]!)).join(""));
}
