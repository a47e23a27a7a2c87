// The wait for the wrapped server's first answer: nothing is announced before it. What a person is told meanwhile,
// and when it is hopeless.
import type { LaunchReport, ServerEvent } from "../bridge/bridge.ts";
import { describeExit, type ChildExit } from "../child/child.ts";
import type { Command } from "../child/command.ts";
import { listListeningPorts } from "../child/listening-ports.ts";
import { settlesWithin } from "../deadline.ts";
import { UserError } from "../errors.ts";
import type { Log } from "../log.ts";
import { printable, printableLine } from "../printable.ts";

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
    if (ms === LOOK_EVERY || ms % TELL_EVERY === 0) log.info(describeWait(command, ms, url()));
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

/** What most servers of two transports understand. */
const STDIO_MODE = "Start it with --stdio, --transport stdio or what its documentation says instead.";

function describeWait({ name }: Command, ms: number, url: string): string {
  if (ms < TELL_EVERY) return `Waiting for "${printable(name)}" to answer; it will be served at ${url}`;
  return `"${printable(name)}" has not answered for ${ms / 1000} s. It must speak MCP over stdin and stdout.`;
}

function describePort({ name }: Command, port: number): string {
  return `"${printable(name)}" listens on port ${port} and has not answered over stdio. ${STDIO_MODE}`;
}

function refuseTransport({ name }: Command, port: number): UserError {
  return new UserError(
    `The server "${printable(name)}" listens on port ${port} and has not answered over stdio for ${HOPELESS / 1000} s.`,
    `mcp-expose needs a server that speaks MCP over stdio, not HTTP. ${STDIO_MODE}`,
    1,
  );
}

function describeBrokenServer(
  { file, args, ...command }: Command,
  exit: ChildExit,
  isQuiet: boolean,
): string {
  const name = printable(command.name);
  // What a process writes is shown as it comes, unless by --quiet; why there is no process at all is only told here.
  const isShown = !isQuiet && (exit.code !== null || exit.signal !== null);
  const words = isShown
    ? [`Its error output is above, marked "${name} |".`]
    : ["Its last words:", ...exit.stderrTail.map((line) => `  | ${printableLine(line)}`)];
  return [
    `The server "${name}" ${describeExit(exit)} before it answered.`,
    ...(exit.stderrTail.length > 0 ? words : ["It wrote nothing to stderr."]),
    `It was started as: ${printableLine([file, ...args].join(" "))}`,
  ].join("\n");
}
