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
import { relative, resolve } from "node:path";

/** At most this many files are named in one line. */
const NAMED = 3;

/** @param onChange called once a save; not waited for */
export function openWatch(run: Run, command: Command, onChange: (change: FileChange) => void): void {
  const { config, io, lifecycle } = run;
  const choice = config.watch;
  if (choice === undefined) return;
  const open = async () => {
    const { watchFiles } = await import("../watch/file-watch.ts");
    const { selections, tell } = await select(run, command, choice);
    const watch = watchFiles({ selections, onChange, log: io.log });
    void watch.ready.then((files) => {
      if (!lifecycle.signal.aborted) tell(files);
    });
    return watch;
  };
  lifecycle
    .open("the file watch", open, (watch) => watch.close())
    .catch((thrown: unknown) => {
      if (!lifecycle.signal.aborted) io.log.warn(`Cannot watch files: ${printable(messageOf(thrown))}`);
    });
}

/** `server.js has changed`, or `a.js, b.js, c.js and 4 more have changed`, from the server's folder. */
export function describeChangedFiles({ files }: FileChange, { cwd }: Pick<Config, "cwd">): string {
  const names = files.slice(0, NAMED).map((file) => printable(shorten(file, cwd)));
  const rest = files.length - names.length;
  const list = rest > 0 ? [...names, `${rest} more`] : names;
  const verb = files.length === 1 ? "has" : "have";
  return `${[list.slice(0, -1).join(", "), ...list.slice(-1)].filter(Boolean).join(" and ")} ${verb} changed`;
}

/** `tell` says what is watched, given the files there are. */
async function select({ config, io }: Run, command: Command, { ownFolder, globs }: WatchChoice) {
  const { selectFolder } = await import("../watch/folder-selection.ts");
  const { selectGlob } = await import("../watch/glob-selection.ts");
  const { findServerPlace } = await import("../watch/server-place.ts");
  const place = ownFolder ? findServerPlace(describeServer(config, command, io.home)) : undefined;
  const store = config.store === "memory" ? undefined : config.store;
  const own = place === undefined ? [] : [selectFolder(place, store)];
  const named = globs.map(selectGlob);
  const tell = (files: readonly string[]) => {
    const empty = named.filter((selection) => files.every((file) => selection.leavesOut(file, false)));
    for (const { name } of empty)
      io.log.warn(`--watch: no file is named by "${printable(name)}". It is watched for files to come.`);
    const places = [...own, ...named].map(({ name }) => printable(name)).join(", ");
    io.log.info(`Watching ${places} (${files.length} ${files.length === 1 ? "file" : "files"}).`);
  };
  return { selections: [...own, ...named], tell };
}

function describeServer({ server, cwd }: Config, command: Command, home: string): ServerWords {
  const { target, args } = command;
  // A program that runs another one lies elsewhere than the server.
  const isPath = resolve(server.folder, server.command) === target && !server.shell;
  const path = isPath && !RUNNER_PROGRAMS.has(nameProgram(target)) ? target : undefined;
  const words = server.shell ? [server.command, ...server.args].join(" ").split(/\s+/) : args;
  return { path, words, cwd, home };
}

function shorten(file: string, cwd: string): string {
  const short = relative(cwd, file);
  return short.startsWith("..") ? file : short;
}
