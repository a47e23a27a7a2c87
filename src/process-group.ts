// Runs a program on POSIX so that nothing of it outlives us: it leads a process group of its own, in which a watchdog holds
// a pipe to us. When the pipe closes, because we closed it or because we were killed, the watchdog kills the group.

/** Where the program's standard streams come from: its own descriptors 0 to 2, or 4 to 6. */
export type GroupStreams = "standard" | "separate";

/**
 * The watchdog ignores the terminal's signals, reads descriptor 3 until it ends and kills the group, itself included.
 * It holds no stream open, so that these end with the program, which takes the shell's place.
 */
const SCRIPTS: Readonly<Record<GroupStreams, string>> = {
  standard: watch('exec "$@" 3<&-'),
  separate: watch('exec "$@" <&4 >&5 2>&6 3<&- 4<&- 5<&- 6<&-', "4<&- 5<&- 6<&-"),
};

function watch(run: string, close = ""): string {
  return `(trap "" HUP INT TERM; read -r _ <&3; kill -9 0) </dev/null >/dev/null 2>&1 ${close} & ${run}`;
}

/**
 * The command line that runs a program under its watchdog. It has to be started detached, with a pipe of ours as its
 * descriptor 3.
 */
export function wrapInGroup(file: string, args: readonly string[], streams: GroupStreams): string[] {
  return ["/bin/sh", "-c", SCRIPTS[streams], "sh", file, ...args];
}
