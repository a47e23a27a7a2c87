// Runs a tunnel program of the person's own, such as cloudflared, so that it ends when we do, however we end.
// On POSIX its process group ends with us (`process-group.ts`).
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { wrapInGroup } from "../../process-group.ts";

export interface LeashedOptions {
  file: string;
  args: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  /** A line of stdout or stderr. */
  line(text: string): void;
  /** It has ended; `how` follows its name: `ended with status 1`. Called once, last. */
  gone(how: string): void;
}

export interface Leashed {
  /** Asks it to end, and kills it when it takes longer than `grace` milliseconds. */
  stop(grace: number): Promise<void>;
  kill(): void;
}

export function startLeashed({ file, args, env, line, gone }: LeashedOptions): Leashed {
  const posix = process.platform !== "win32";
  const [shell, ...words] = wrapInGroup(file, args, "standard");
  const child = posix
    ? spawn(shell!, words, {
        env,
        detached: true,
        stdio: ["ignore", "pipe", "pipe", "pipe"],
      })
    : spawn(file, args, { env, stdio: ["ignore", "pipe", "pipe"], windowsHide: true });
  const leash = posix ? (child.stdio[3] as Writable) : undefined;
  const end = Promise.withResolvers<void>();
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream as Readable }).on("line", line);
  leash?.on("error", () => {});
  let isGone = false;
  const finish = (how: string) => {
    if (isGone) return;
    isGone = true;
    // This also ends the processes it started, and the watchdog.
    leash?.destroy();
    end.resolve();
    gone(how);
  };
  child.on("error", (error) => finish(`could not be started: ${error.message}`));
  child.on("close", (code, signal) =>
    finish(signal ? `was killed by ${signal}` : `ended with status ${code}`),
  );
  const kill = () => {
    leash?.destroy();
    if (!isGone) child.kill("SIGKILL");
  };
  return {
    kill,
    async stop(grace) {
      if (isGone) return;
      const timer = setTimeout(kill, grace);
      interrupt(child);
      await end.promise;
      clearTimeout(timer);
    },
  };
}

/** As Ctrl+C does: both programs then end in order. */
function interrupt(child: ChildProcess): void {
  child.kill(process.platform === "win32" ? "SIGKILL" : "SIGINT");
}
