// A process on POSIX, so started that nothing of it outlives us: it leads a process group of its own, and a watchdog
// in that group holds a pipe to us. When the pipe closes, because we closed it or because we were killed, the whole
// group is killed. Its three streams are sockets of ours: streams of Bun's cost two system calls and a copy a message
// more, and tell of what they could not write only by filling memory.
import { closeSync } from "node:fs";
import type { Socket, SocketHandler, TCPSocketConnectOptions } from "bun";
import type { Process, ProcessEvents, StartOptions } from "./process.ts";

/**
 * The watchdog reads fd 3 until it ends, then kills its process group, itself included.
 * It lets go of every stream, so that these end with the server.
 */
const WATCHDOG =
  '(trap "" HUP INT TERM; read -r _ <&3; kill -9 0) </dev/null >/dev/null 2>&1 4<&- 5<&- 6<&- & ' +
  'exec "$@" <&4 >&5 2>&6 3<&- 4<&- 5<&- 6<&-';

export function startPosixProcess(options: StartOptions, events: ProcessEvents): Process {
  try {
    return start(options, events);
  } catch (thrown) {
    queueMicrotask(() => events.failed(thrown as Error));
    return NOTHING;
  }
}

/** A process that could not be started: no directory to start it in, no memory, too many processes. */
const NOTHING: Process = {
  pid: undefined,
  write: ({ length }) => length,
  endInput: () => {},
  read: () => {},
  signal: () => {},
  release: () => {},
};

function start({ file, args, cwd, env }: StartOptions, events: ProcessEvents): Process {
  const child = Bun.spawn(["/bin/sh", "-c", WATCHDOG, "sh", file, ...args], {
    cwd,
    env,
    detached: true,
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe", "pipe", "pipe"],
    onExit: (own, code) => queueMicrotask(() => events.exited(code, own.signalCode as NodeJS.Signals | null)),
  });
  const [, , , leash, ...streams] = child.stdio as number[];
  const signal: Process["signal"] = (name) => {
    try {
      process.kill(-child.pid, name);
    } catch {
      // ESRCH: the group is already gone, which is what was wanted.
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
    // A process that is gone takes nothing; its exit tells.
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
      // The watchdog is still in the group, so the number cannot belong to somebody else yet.
      signal("SIGKILL");
      closeSync(leash!);
      for (const socket of [stdin, stdout, stderr]) socket.terminate();
    },
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
  // Told below: the promise comes too late.
  Bun.connect({ fd, socket } as unknown as TCPSocketConnectOptions).catch(() => {});
  if (opened === undefined) throw new Error("The pipes to the server could not be opened.");
  return opened;
}
