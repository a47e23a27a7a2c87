// Preloaded into the program under soak: prints on SIGUSR2 how many timers wait, which can only be seen from inside.
const waiting = new Set<unknown>();

function watch(start: "setTimeout" | "setInterval", stop: "clearTimeout" | "clearInterval"): void {
  const [starting, stopping] = [globalThis[start], globalThis[stop]] as [
    typeof setTimeout,
    typeof clearTimeout,
  ];
  const started = (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
    const timer = starting(() => {
      if (start === "setTimeout") waiting.delete(timer);
      callback(...args);
    }, ms);
    waiting.add(timer);
    return timer;
  };
  const stopped = (timer?: Timer) => {
    waiting.delete(timer);
    stopping(timer);
  };
  Object.assign(globalThis, { [start]: started, [stop]: stopped });
}

watch("setTimeout", "clearTimeout");
watch("setInterval", "clearInterval");
process.on("SIGUSR2", () => void process.stderr.write(`timers ${waiting.size}\n`));
