// The wrapped server of a run, made of its config, and the wait for its first answer.
import { childEnvironment } from "./environment.ts";
import { awaitAnswer, createLaunchWatch, type LaunchWatch } from "./first-answer.ts";
import type { Identity } from "./identity.ts";
import type { PublicUrl } from "./public-url.ts";
import type { AppIO, Run } from "./run-context.ts";
import type { Bridge } from "../bridge/bridge.ts";
import { createBridge } from "../bridge/lasting/lasting-bridge.ts";
import { type Command, resolveCommand } from "../child/command.ts";
import { createSpawner } from "../child/spawn.ts";
import type { Config } from "../config/config.ts";
import { printable, printableLine } from "../printable.ts";

/** The longest message a server may send, in bytes. */
const MAX_LINE = 256 * 1024 * 1024;
/** How long a server process may take to end by itself, in milliseconds. */
const GRACE = 1_000;

export interface WrappedServer {
  bridge: Bridge;
  /**
   * Resolves when the server has answered. The start fails when it rejects with a {UserError}, exit code 1: the server has
   * ended, or waits for clients of another transport.
   */
  answered: Promise<void>;
}

/**
 * How the server is started, and what people know it by.
 *
 * @throws {UserError} exit code 2: there is no such server
 */
export function resolveServer(config: Config, io: AppIO): Command {
  const command = resolveCommand(config.server, { ...io, env: childEnvironment(config, io.env) });
  return { ...command, name: config.name ?? command.name };
}

/** Starts the server. @param url where it is going to be reached, for the person who waits */
export async function openServer(
  run: Run,
  command: Command,
  { requestStateKey }: Identity,
  url: PublicUrl,
): Promise<WrappedServer> {
  const { config, io, lifecycle } = run;
  const watch = createLaunchWatch();
  const bridge = await lifecycle.open(
    "the server",
    () => createServerBridge(run, { command, requestStateKey, watch }),
    (opened) => opened.close(),
  );
  const answered = awaitAnswer(bridge.launch(), {
    command,
    isQuiet: config.quiet,
    log: io.log,
    watch,
    url: () => url.current + config.path,
    signal: lifecycle.signal,
  });
  // A broken server fails the start at once, however long the tunnel takes.
  answered.catch(lifecycle.fail);
  return { bridge, answered };
}

interface BridgeParts {
  command: Command;
  requestStateKey: Uint8Array;
  watch: LaunchWatch;
}

function createServerBridge({ config, io }: Run, { command, requestStateKey, watch }: BridgeParts): Bridge {
  const { now, random, log, emit } = io;
  return createBridge({
    now,
    random,
    log,
    process: config.process,
    hasAnonymous: config.auth === "optional",
    childEra: config.childEra,
    maxChildren: config.maxChildren,
    requestStateKey,
    startChild: createSpawner({
      command,
      cwd: config.cwd,
      env: childEnvironment(config, io.env),
      maxLine: MAX_LINE,
      grace: GRACE,
    }),
    onServer(event) {
      watch.onServerEvent(event);
      emit({ event: "child", ...event });
    },
    onStderr(line) {
      watch.onStderr(line);
      log.plain(`${printable(command.name)} | ${printableLine(line)}`);
    },
  });
}
