// The wait for the wrapped server's first answer: nothing is announced before it. What a person is told meanwhile,
// and when it is hopeless.
import type { LaunchReport, ServerEvent } from "./bridge/bridge.ts";
import { describeExit, type ChildExit } from "./child/child.ts";
import type { Command } from "./child/command.ts";
import { listListeningPorts } from "./child/listening-ports.ts";
import { settlesWithin } from "./deadline.ts";
import { UserError } from "./errors.ts";
import type { Log } from "./log.ts";

/** What is seen of the server while it is waited for. */
export interface LaunchWatch {
  see(event: ServerEvent): void;
  /** A line the server wrote to stderr. */
  hear(line: string): void;
  /** Ports that its processes listen on now. */
  ports(): number[];
  /** It has shown an address where a person signs in, and may wait for that. */
  wantsSignIn(): boolean;
}

/** Where OAuth sends people to (RFC 6749 §4.1.1): an address with a query, which no address for documentation has. */
const SIGN_IN = /https:\/\/\S+\?\S+=/;

export function createLaunchWatch(): LaunchWatch {
  const running = new Set<number>();
  let signIn = false;
  return {
    see(event) {
      if (event.state === "started") running.add(event.pid);
      if (event.state === "exited") running.delete(event.pid);
    },
    hear: (line) => void (signIn ||= SIGN_IN.test(line)),
    ports: () => [...running].flatMap(listListeningPorts),
    wantsSignIn: () => signIn,
  };
}

/** How often the server is looked at, and told of for the first time: milliseconds. */
const LOOK_EVERY = 5_000;
/** How often it is told that the wait goes on, in milliseconds. */
const TELL_EVERY = 30_000;
/** After so many milliseconds a server that listens on a port and says nothing is one of another transport. */
const HOPELESS = 30_000;

export interface Wait {
  command: Command;
  /** Whether the server's stderr is hidden. */
  isQuiet: boolean;
  log: Log;
  watch: LaunchWatch;
  /** Where the server is going to be reached. */
  url(): string;
  /** Ends the wait. */
  signal: AbortSignal;
}

/**
 * Resolves when the server has answered.
 *
 * @throws {UserError} exit code 1: it has ended, or waits for clients of another transport
 */
export async function awaitAnswer(launched: Promise<LaunchReport>, wait: Wait): Promise<void> {
  const { command, isQuiet, log, watch, url, signal } = wait;
  let before: number[] = [];
  let isPortTold = false;
  for (let ms = LOOK_EVERY; !(await settlesWithin(launched, LOOK_EVERY)); ms += LOOK_EVERY) {
    if (signal.aborted) return;
    if (ms === LOOK_EVERY || ms % TELL_EVERY === 0)
      log.info(`Waiting for "${command.name}" to answer; it will be served at ${url()}`);
    const ports = watch.ports();
    // A port that has just been opened may be that of a server which is about to answer.
    const [port] = ports.filter((each) => before.includes(each));
    before = ports;
    if (port === undefined) continue;
    if (ms >= HOPELESS && !watch.wantsSignIn()) throw refuseTransport(command, port);
    if (!isPortTold) log.warn(describePort(command, port));
    isPortTold = true;
  }
  const report = await launched;
  if (report.outcome === "exited")
    throw new UserError(describeBrokenServer(command, report.exit, isQuiet), undefined, 1);
}

function describePort({ name }: Command, port: number): string {
  return `"${name}" listens on port ${port} and has said nothing on stdout. Here a server must speak MCP over stdio.`;
}

function refuseTransport({ name }: Command, port: number): UserError {
  return new UserError(
    `The server "${name}" listens on port ${port} and has not answered on stdio for ${HOPELESS / 1000} s.`,
    "mcp-expose wraps servers that speak MCP over stdio, not HTTP. Start it in its stdio mode: often an option " +
      "such as --stdio or --transport stdio, or a variable such as MCP_TRANSPORT=stdio; its documentation says.",
    1,
  );
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
