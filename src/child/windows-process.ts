// A process on Windows, where there are no process groups: the end of stdin ends it, and `taskkill` the whole tree.
import { spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { Process, ProcessEvents, StartOptions } from "./process.ts";

/** Bytes handed over at a time: Bun copies what a pipe does not take into one buffer, which doubles when it is full. */
const AHEAD = 256 * 1024;

export function startWindowsProcess(options: StartOptions, events: ProcessEvents): Process {
  const { file, args, cwd, env, viaShell } = options;
  const child = spawn(file, args, { cwd, env, stdio: "pipe", windowsHide: true, shell: viaShell });
  const [stdin, stdout, stderr]: [Writable, Readable, Readable] = [child.stdin, child.stdout, child.stderr];
  let ahead = 0;
  child.once("exit", events.exited);
  child.once("error", events.failed);
  // Writing to a process that is going reports EPIPE here; its exit is the better report.
  stdin.on("error", () => {}).once("close", events.stdinEnded);
  stdout.on("data", events.stdout).once("close", events.stdoutEnded);
  stderr.on("data", events.stderr).once("close", events.stderrEnded);

  return {
    pid: child.pid,
    write(bytes) {
      if (ahead >= AHEAD) return 0;
      ahead += bytes.length;
      stdin.write(bytes, () => {
        ahead -= bytes.length;
        events.drained();
      });
      return bytes.length;
    },
    endInput: () => void stdin.end(),
    read(wanted) {
      if (wanted) stdout.resume();
      else stdout.pause();
    },
    signal(signal) {
      if (child.pid === undefined) return;
      if (signal === "SIGTERM") child.kill(signal);
      else
        spawn("taskkill", ["/pid", String(child.pid), "/t", "/f"], { stdio: "ignore" }).on("error", () => {});
    },
    release() {
      stdout.destroy();
      stderr.destroy();
    },
    isLeft: () => false,
  };
}
