// The wrapped server a run has, made of its config; the part of the start-up story that starts it and
// says what is wrong with it.
import type { AppEvent } from "./app-event.ts";
import type { Bridge, LaunchReport } from "./bridge/bridge.ts";
import { createBridge } from "./bridge/pool.ts";
import { describeExit, type ChildExit } from "./child/child.ts";
import type { Command } from "./child/command.ts";
import { createSpawner } from "./child/spawn.ts";
import type { Config } from "./config/config.ts";
import { agreeOn, isSessionRevision } from "./eras/era.ts";
import { inheritEnvironment } from "./app-tunnel.ts";
import { UserError } from "./errors.ts";
import type { Log } from "./log.ts";

export interface ServerIO {
  log: Log;
  env: Readonly<Record<string, string | undefined>>;
  now(): number;
  random(bytes: number): Uint8Array;
  emit(event: AppEvent): void;
}

/** The longest message a server may send, in bytes. */
const MAX_LINE = 256 * 1024 * 1024;
/** How long a server process may take to end by itself, in milliseconds. */
const GRACE = 1_000;

/** The bridge to the server; nothing is started yet. */
export function openBridge(config: Config, io: ServerIO, command: Command): Bridge {
  const { log, emit } = io;
  return createBridge(
    {
      ...io,
      process: config.process,
      hasStrangers: config.auth === "optional",
      childEra: config.childEra,
      maxChildren: config.maxChildren,
      startChild: createSpawner({
        command,
        cwd: config.cwd,
        env: childEnvironment(config, io.env),
        maxLine: MAX_LINE,
        grace: GRACE,
      }),
      onServer: (event) => emit({ event: "child", ...event }),
      onStderr: (line) => log.plain(`${command.name} | ${line}`),
    },
    { isLegacy: isSessionRevision, agreeOn },
  );
}

/** The server gets our environment, less what is ours alone. */
export function childEnvironment(config: Config, env: ServerIO["env"]): Record<string, string> {
  return { ...inheritEnvironment(env), ...config.env };
}

/** @param onEnd called with what is to be said if a server that had not answered yet ends before anybody uses it */
export async function checkLaunch(
  report: LaunchReport,
  command: Command,
  { quiet }: Config,
  log: Log,
  onEnd: (problem: string) => void,
) {
  const describe = (exit: ChildExit) => describeBrokenServer(command, exit, quiet);
  if (report.outcome === "exited") throw new UserError(describe(report.exit), undefined, 1);
  if (report.outcome === "answered") return;
  log.warn(`"${command.name}" has not answered yet; it may still be starting.`);
  void report.ended.then((exit) => onEnd(describe(exit)));
}

function describeBrokenServer({ name, file, args }: Command, exit: ChildExit, isQuiet: boolean): string {
  // What a process writes is shown as it comes, unless by --quiet; why there is no process at all is only told here.
  const isShown = !isQuiet && (exit.code !== null || exit.signal !== null);
  const words = isShown
    ? [`What it wrote to stderr stands above, behind "${name} |".`]
    : ["Its last words:", ...exit.lastWords.map((line) => `  ${line}`)];
  return [
    `The server "${name}" ${describeExit(exit)} before it answered.`,
    ...(exit.lastWords.length > 0 ? words : ["It wrote nothing to stderr."]),
    `It was started as: ${[file, ...args].join(" ")}`,
  ].join("\n");
}
