// A process and its three streams as the system provides them: bytes, read no faster than they are taken.

export interface StartOptions {
  file: string;
  args: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Windows: the command is a script for `cmd`, not a program. */
  viaShell: boolean;
}

/** What happens to it. Never called before the start has returned. */
export interface ProcessEvents {
  stdout(chunk: Uint8Array): void;
  stderr(chunk: Uint8Array): void;
  /** Stdout has ended; all of it has been reported. */
  stdoutEnded(): void;
  stderrEnded(): void;
  /** Stdin takes nothing any more. */
  stdinEnded(): void;
  /** Stdin takes bytes again. */
  drained(): void;
  /** The process has ended; one of its streams may still be open. */
  exited(code: number | null, signal: string | null): void;
  /** It could not be started; no other event follows. */
  failed(error: Error): void;
}

export interface Process {
  readonly pid: number | undefined;
  /** @returns how many of the bytes stdin has taken; `drained` follows when they were not all */
  write(bytes: Uint8Array): number;
  endInput(): void;
  /** Whether stdout is read now. */
  read(wanted: boolean): void;
  /** To the process and, on POSIX, everything it has started. Nothing when they are gone. */
  signal(signal: "SIGTERM" | "SIGKILL"): void;
  /** Kills what is left of its process group, and reads no more. */
  release(): void;
  /** Whether anything of its process group is left after that; a process that is killed needs a moment to let go of a port. */
  isLeft(): boolean;
}

export type StartProcess = (options: StartOptions, events: ProcessEvents) => Process;
