// The wrapped server a run has, made of its config.
import { childEnvironment } from "./environment.ts";
import type { AppEvent } from "./event.ts";
import { awaitAnswer, createLaunchWatch } from "./launch.ts";
import type { Bridge } from "../bridge/bridge.ts";
import { createBridge } from "../bridge/pool.ts";
import type { Command } from "../child/command.ts";
import { createSpawner } from "../child/spawn.ts";
import type { Config } from "../config/config.ts";
import type { Log } from "../log.ts";
import { printable, printableLine } from "../printable.ts";

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

export interface WrappedServer {
  bridge: Bridge;
  /**
   * Starts the server and resolves when it has answered.
   *
   * @param url where it is going to be reached, for a person who waits
   * @param signal gives it up
   * @throws {UserError} exit code 1: it has ended, or waits for clients of another transport
   */
  launch(url: () => string, signal: AbortSignal): Promise<void>;
}

export function openServer(config: Config, io: ServerIO, command: Command): WrappedServer {
  const { log, emit } = io;
  const watch = createLaunchWatch();
  const bridge = createBridge({
    ...io,
    process: config.process,
    hasAnonymous: config.auth === "optional",
    childEra: config.childEra,
    maxChildren: config.maxChildren,
    startChild: createSpawner({
      command,
      cwd: config.cwd,
      env: childEnvironment(config, io.env),
      maxLine: MAX_LINE,
      grace: GRACE,
    }),
    onServer(event) {
      watch.see(event);
      emit({ event: "child", ...event });
    },
    onStderr(line) {
      watch.hear(line);
      log.plain(`${printable(command.name)} | ${printableLine(line)}`);
    },
  });
  return {
    bridge,
    launch: (url, signal) =>
      awaitAnswer(bridge.launch(), { command, isQuiet: config.quiet, log, watch, url, signal }),
  };
}
