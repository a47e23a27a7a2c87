// A process on POSIX, in a group that ends with us (`process-group.ts`). Its three streams are sockets of ours: Bun's own
// streams cost two more system calls and a copy for each message, and buffer without a limit what they could not write.
import { closeSync } from "node:fs";
import type { Socket, SocketHandler, TCPSocketConnectOptions } from "bun";
import { isGroupRunning } from "./group-members.ts";
import { wrapInGroup } from "../process-group.ts";
import type { Process, ProcessEvents, StartOptions } from "./process.ts";

export function startPosixProcess(options: StartOptions, events: ProcessEvents): Process {
  try {
    return start(options, events);
  } catch (thrown) {
    queueMicrotask(() => events.failed(thrown as Error));
    return NOTHING;
  }
}

/** Stands for a process that could not be started: its directory is missing, or memory or processes have run out. */
const NOTHING: Process = {
  pid: undefined,
  write: ({ length }) => length,
  endInput: () => {},
  read: () => {},
  signal: () => {},
  release: () => {},
  isLeft: () => false,
};

function start({ file, args, cwd, env }: StartOptions, events: ProcessEvents): Process {
  const child = Bun.spawn(wrapInGroup(file, args, "separate"), {
    cwd,
    env,
    detached: true,
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe", "pipe", "pipe"],
    onExit: (own, code) => queueMicrotask(() => events.exited(code, own.signalCode as NodeJS.Signals | null)),
  });
  const [, , , watchdog, ...streams] = child.stdio as number[];
  const signal: Process["signal"] = (name) => {
    try {
      process.kill(-child.pid, name);
    } catch {
      // ESRCH: the group is already gone.
    }
  };
  let stdin: Socket<unknown>, stdout: Socket<unknown>, stderr: Socket<unknown>;
  try {
    stdin = openSocket(streams[0]!, { drain: events.drained, close: events.stdinEnded });
    stdout = openSocket(streams[1]!, {
      data: (_, chunk) => events.stdout(chunk),
      close: events.stdoutEnded,
    });
    stderr = openSocket(streams[2]!, {
      data: (_, chunk) => events.stderr(chunk),
      close: events.stderrEnded,
    });
  } catch (thrown) {
    signal("SIGKILL");
    throw thrown;
  }
  let isHeld = true;

  return {
    pid: child.pid,
    // A process that is gone takes nothing; its exit is reported.
    write: (bytes) => Math.max(0, stdin.write(bytes)),
    endInput: () => void stdin.end(),
    read(wanted) {
      if (wanted) stdout.resume();
      else stdout.pause();
    },
    signal,
    release() {
      if (!isHeld) return;
      isHeld = false;
      // The watchdog is still in the group, so its number cannot be another group's yet.
      signal("SIGKILL");
      closeSync(watchdog!);
      for (const socket of [stdin, stdout, stderr]) socket.terminate();
    },
    isLeft: () => isGroupRunning(child.pid),
  };
}

/**
 * A socket for a descriptor is open at once; Bun's types know no `fd` here, its own `net.connect` uses it.
 *
 * @throws {Error} when the system has no room for it
 */
function openSocket(fd: number, handler: Partial<SocketHandler>): Socket<unknown> {
  let opened: Socket<unknown> | undefined;
  const socket: SocketHandler = { data() {}, ...handler, open: (own) => void (opened = own) };
  // The error is thrown below: the promise rejects too late.
  Bun.connect({ fd, socket } as unknown as TCPSocketConnectOptions).catch(() => {});
  if (opened === undefined) throw new Error("The pipes to the server could not be opened.");
  return opened;
}
