// The contract between whoever decides which files count and whoever watches them: where looking begins, and what is left
// out on the way down. Several selections may be watched together; a file counts when one of them takes it.

export interface FileSelection {
  /** Folders and files where looking begins, absolute and without links. They need not exist yet. */
  readonly roots: readonly string[];
  /** What is watched, for people. */
  readonly name: string;
  /**
   * @param path absolute
   * @param isFolder undefined while that is not known; only what is left out in any case is then left out
   */
  leavesOut(path: string, isFolder: boolean | undefined): boolean;
  /** Whether a file's content decides what is left out. It is watched, but a change of it is no change of the server. */
  isRule(path: string): boolean;
  /** Reads such files again. */
  reload(): void;
}
