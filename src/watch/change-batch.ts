// Collects changes until there is quiet: one save is several events, and one build is many saves. Where there never is
// quiet, it passes on what it has once in a while.

export interface ChangeBatch {
  add(path: string): void;
  /** Forgets what it has. */
  close(): void;
}

export interface ChangeBatchOptions {
  /** @param paths each once */
  flush(paths: readonly string[]): void;
  /** How long there must be quiet, in milliseconds. */
  quiet?: number;
  /** The longest that a change waits, in milliseconds. */
  longest?: number;
  /** @returns what stops the timer */
  startTimer?(ms: number, run: () => void): () => void;
}

export const QUIET = 75;
const LONGEST = 1_000;

export function createChangeBatch(options: ChangeBatchOptions): ChangeBatch {
  const { flush, quiet = QUIET, longest = LONGEST, startTimer = startTimeout } = options;
  const paths = new Set<string>();
  let stopQuiet: (() => void) | undefined;
  let stopLongest: (() => void) | undefined;
  const close = () => {
    stopQuiet?.();
    stopLongest?.();
    stopQuiet = stopLongest = undefined;
    paths.clear();
  };
  const passOn = () => {
    const all = [...paths];
    close();
    flush(all);
  };
  return {
    add(path) {
      paths.add(path);
      stopQuiet?.();
      stopQuiet = startTimer(quiet, passOn);
      stopLongest ??= startTimer(longest, passOn);
    },
    close,
  };
}

function startTimeout(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}
