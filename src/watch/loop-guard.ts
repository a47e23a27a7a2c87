// A server that writes a watched file when it starts would be restarted by that for ever. Who has written a file cannot be
// seen. So restarts that follow each other in this way are put off, longer and longer, and a file that nothing but starts of
// the server changes restarts it no more. What a person saves in any other file may come later, but is never lost.
import { dirname } from "node:path";
import type { Log } from "../log.ts";
import type { FileChange } from "./file-watch.ts";

export interface LoopGuard {
  changed(change: FileChange): void;
  close(): void;
}

export interface LoopGuardOptions {
  /** Resolves when the server has answered, or does not start. */
  restart(change: FileChange): Promise<unknown>;
  /** Whether a file is run, and so is nothing that a server writes. */
  isSource(file: string): boolean;
  /** For people. */
  name(change: FileChange): string;
  log: Pick<Log, "warn">;
  now(): number;
  /** @returns what stops the timer */
  startTimer?(ms: number, run: () => void): () => void;
}

/** What changes until so many milliseconds after the server has answered may be its own work. */
const SETTLED_AFTER = 1_000;
/** Restarts in a row, each in the wake of the one before, until one is put off. */
const MOST_IN_A_ROW = 3;
/** How long the first one is put off, and the longest, in milliseconds. */
const FIRST_DELAY = 3_000;
const LONGEST_DELAY = 60_000;
/** A file that was left alone until so many restarts that were put off, and changed right after each of them, is the server's. */
const PROOFS = 2;
const ADVICE = "If the server writes it, name it in .gitignore, or say with --watch=GLOB what to watch.";

export function createLoopGuard(options: LoopGuardOptions): LoopGuard {
  const { restart, isSource, name, log, now, startTimer = startTimeout } = options;
  const ignored = new Set<string>();
  let last: readonly string[] = [];
  let restarting = 0;
  let answeredAt = -Infinity;
  let inARow = 0;
  let proofs = 0;
  let delayed: DelayedRestart | undefined;

  const begin = (files: readonly string[]) => {
    last = files;
    restarting++;
    void restart({ files }).finally(() => {
      restarting--;
      answeredAt = now();
    });
  };
  const isInWake = (files: readonly string[]) =>
    (restarting > 0 || now() - answeredAt < SETTLED_AFTER) &&
    files.every((file) => !isSource(file) && last.some((other) => dirname(other) === dirname(file)));
  const delay = (files: readonly string[]) => {
    const ms = Math.min(FIRST_DELAY * 2 ** (inARow - MOST_IN_A_ROW), LONGEST_DELAY);
    if (inARow === MOST_IN_A_ROW)
      log.warn(`Changed each time the server starts: ${name({ files })}. Restarts are put off. ${ADVICE}`);
    const own: DelayedRestart = { files, isDisturbed: false, stop: startTimer(ms, () => go(own)) };
    delayed = own;
  };
  const go = ({ files, isDisturbed }: DelayedRestart) => {
    delayed = undefined;
    proofs = isDisturbed ? 0 : proofs + 1;
    begin(files);
  };
  const ignore = (files: readonly string[]) => {
    for (const file of files) ignored.add(file);
    log.warn(`Changes restart nothing any more of what the server writes itself: ${name({ files })}.`);
  };
  const join = (files: readonly string[], own: DelayedRestart) => {
    if (files.every((file) => own.files.includes(file))) {
      own.isDisturbed = true;
      return;
    }
    // Something else has changed: that is not put off.
    own.stop();
    delayed = undefined;
    inARow = proofs = 0;
    begin([...new Set([...own.files, ...files])].sort());
  };

  return {
    changed(change) {
      const files = change.files.filter((file) => !ignored.has(file));
      if (files.length === 0) return;
      if (delayed !== undefined) return join(files, delayed);
      inARow = isInWake(files) ? inARow + 1 : 0;
      if (inARow === 0) proofs = 0;
      if (inARow < MOST_IN_A_ROW) return begin(files);
      if (proofs >= PROOFS && files.every((file) => last.includes(file))) return ignore(files);
      delay(files);
    },
    close: () => delayed?.stop(),
  };
}

interface DelayedRestart {
  readonly files: readonly string[];
  /** One of the files has changed again since. */
  isDisturbed: boolean;
  stop(): void;
}

function startTimeout(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}
