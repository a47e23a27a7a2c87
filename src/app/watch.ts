// Watches the server's files when that was asked for, and passes on what has changed. The room that does it is loaded only
// then. The start does not wait for it: a large tree takes a while to look at.
import type { Run } from "./run-context.ts";
import type { Command } from "../child/command.ts";
import { nameProgram, RUNNER_PROGRAMS } from "../child/runners.ts";
import type { Config, WatchChoice } from "../config/config.ts";
import { messageOf } from "../errors.ts";
import { printable } from "../printable.ts";
import type { FileChange } from "../watch/file-watch.ts";
import type { ServerWords } from "../watch/server-place.ts";
import { statSync } from "node:fs";
import { basename, isAbsolute, relative, resolve } from "node:path";

/** At most this many files are named in one line. */
const NAMED = 3;

export interface WatchParts {
  command: Command;
  /** When the server was started, or a moment before. */
  startedAt: number;
  /** Called once a save, and once more for one that comes before it has resolved. */
  restart(change: FileChange): Promise<void>;
}

export function openWatch(run: Run, { command, startedAt, restart }: WatchParts): void {
  const { config, io, lifecycle } = run;
  const choice = config.watch;
  if (choice === undefined) return;
  const open = async () => {
    const { watchFiles } = await import("../watch/file-watch.ts");
    const { createLoopGuard } = await import("../watch/loop-guard.ts");
    const { selections, tell, isSource } = await select(run, command, choice);
    const name = (change: FileChange) => nameChangedFiles(change, config);
    const guard = createLoopGuard({ restart, isSource, name, log: io.log, now: io.now });
    const watch = watchFiles({ selections, onChange: guard.changed, log: io.log });
    void watch.ready.then((files) => {
      if (lifecycle.signal.aborted) return;
      tell(files);
      // Some servers take a while to start, and nothing was watched meanwhile.
      const missed = files.filter((file) => isSource(file) && hasChangedSince(startedAt, file));
      if (missed.length > 0) guard.changed({ files: missed });
    });
    return {
      close() {
        guard.close();
        return watch.close();
      },
    };
  };
  lifecycle
    .open("the file watch", open, (watch) => watch.close())
    .catch((thrown: unknown) => {
      if (!lifecycle.signal.aborted) io.log.warn(`Cannot watch files: ${printable(messageOf(thrown))}`);
    });
}

/** `server.js has changed`, `a.js and b.js have changed`. */
export function describeChangedFiles(change: FileChange, config: Pick<Config, "cwd">): string {
  return `${nameChangedFiles(change, config)} ${change.files.length === 1 ? "has" : "have"} changed`;
}

/** `server.js`, or `a.js, b.js, c.js and 4 more`, from the server's folder. Clients read it: no other folder is named. */
function nameChangedFiles({ files }: FileChange, { cwd }: Pick<Config, "cwd">): string {
  const names = files.slice(0, NAMED).map((file) => printable(shorten(file, cwd)));
  const rest = files.length - names.length;
  const list = rest > 0 ? [...names, `${rest} more`] : names;
  return [list.slice(0, -1).join(", "), ...list.slice(-1)].filter(Boolean).join(" and ");
}

/** `tell` says what is watched, given the files there are; `isSource` knows those that are run. */
async function select({ config, io }: Run, command: Command, { ownFolder, globs }: WatchChoice) {
  const { selectFolder } = await import("../watch/folder-selection.ts");
  const { selectGlob } = await import("../watch/glob-selection.ts");
  const { findServerPlace } = await import("../watch/server-place.ts");
  const place = findServerPlace(describeServer(config, command, io.home));
  const store = config.store === "memory" ? undefined : config.store;
  const own = ownFolder ? [selectFolder(place, store)] : [];
  const named = globs.map(selectGlob);
  const tell = (files: readonly string[]) => {
    const empty = named.filter((selection) => files.every((file) => selection.leavesOut(file, false)));
    for (const { name } of empty)
      io.log.warn(`--watch: no file is named by "${printable(name)}". It is watched for files to come.`);
    const places = [...own, ...named].map(({ name }) => printable(name)).join(", ");
    io.log.info(`Watching ${places} (${files.length} ${files.length === 1 ? "file" : "files"}).`);
  };
  return { selections: [...own, ...named], tell, isSource: (file: string) => place.files.includes(file) };
}

function describeServer({ server, cwd }: Config, command: Command, home: string): ServerWords {
  const { target, args } = command;
  // A program that runs another one lies elsewhere than the server.
  const isPath = resolve(server.folder, server.command) === target && !server.shell;
  const path = isPath && !RUNNER_PROGRAMS.has(nameProgram(target)) ? target : undefined;
  const words = server.shell ? [server.command, ...server.args].join(" ").split(/\s+/) : args;
  return { path, words, cwd, home };
}

function hasChangedSince(time: number, file: string): boolean {
  // Not when it was last written: what is put in its place may be older.
  return (statSync(file, { throwIfNoEntry: false })?.ctimeMs ?? 0) > time;
}

function shorten(file: string, cwd: string): string {
  const short = relative(cwd, file);
  return short.startsWith("..") || isAbsolute(short) ? basename(file) : short;
}
