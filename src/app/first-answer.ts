// The wait for the wrapped server's first answer, before which no URL is announced: what a person reads meanwhile, and when
// the wait is given up.
import type { LaunchReport, ServerEvent } from "../bridge/bridge.ts";
import { describeExit, type ChildExit } from "../child/child.ts";
import type { Command } from "../child/command.ts";
import { listListeningPorts } from "../child/listening-ports.ts";
import { settlesWithin } from "../deadline.ts";
import { UserError } from "../errors.ts";
import type { Log } from "../log.ts";
import { printable, printableLine } from "../printable.ts";

/** Facts about a server that has not answered yet. */
export interface LaunchWatch {
  onServerEvent(event: ServerEvent): void;
  /** A line the server wrote to stderr. */
  onStderr(line: string): void;
  /** Ports that its processes listen on now. */
  listPorts(): number[];
  /** It has printed an address where a person signs in, and may be waiting for that. */
  hasShownSignIn(): boolean;
}

/** An address with a query, as OAuth sends people to (RFC 6749 §4.1.1); links to documentation have none. */
const SIGN_IN_URL = /https:\/\/\S+\?\S+=/;

export function createLaunchWatch(): LaunchWatch {
  const running = new Set<number>();
  let signIn = false;
  return {
    onServerEvent(event) {
      if (event.state === "started") running.add(event.pid);
      if (event.state === "exited") running.delete(event.pid);
    },
    onStderr: (line) => void (signIn ||= SIGN_IN_URL.test(line)),
    listPorts: () => [...running].flatMap(listListeningPorts),
    hasShownSignIn: () => signIn,
  };
}

/** Milliseconds between two looks at the server, and until the first report. */
const CHECK_EVERY = 5_000;
/** Milliseconds between two reports that the wait goes on. */
const REPORT_EVERY = 30_000;
/** Milliseconds after which a silent server that listens on a port is taken for one of another transport. */
const WRONG_TRANSPORT_AFTER = 30_000;

export interface LaunchWait {
  command: Command;
  /** Whether the server's stderr is hidden. */
  isQuiet: boolean;
  log: Log;
  watch: LaunchWatch;
  /** The address at which the server is going to be reached. */
  url(): string;
  /** Ends the wait. */
  signal: AbortSignal;
}

/**
 * Resolves when the server has answered.
 *
 * @throws {UserError} exit code 1: it has ended, or waits for clients of another transport
 */
export async function awaitAnswer(launched: Promise<LaunchReport>, wait: LaunchWait): Promise<void> {
  const { command, isQuiet, log, watch, url, signal } = wait;
  let known: number[] = [];
  let isPortReported = false;
  for (let ms = CHECK_EVERY; !(await settlesWithin(launched, CHECK_EVERY)); ms += CHECK_EVERY) {
    if (signal.aborted) return;
    const ports = watch.listPorts();
    // A server that has just opened a port may be about to answer.
    const [port] = ports.filter((each) => known.includes(each));
    known = ports;
    if (port !== undefined && ms >= WRONG_TRANSPORT_AFTER && !watch.hasShownSignIn())
      throw describeWrongTransport(command, port);
    if (ms === CHECK_EVERY || ms % REPORT_EVERY === 0) log.info(describeWait(command, ms, url()));
    if (port !== undefined && !isPortReported) log.warn(describePort(command, port));
    isPortReported ||= port !== undefined;
  }
  const report = await launched;
  if (report.outcome === "exited")
    throw new UserError(describeBrokenServer(command, report.exit, isQuiet), undefined, 1);
}

/** Most servers of two transports understand one of these. */
const STDIO_MODE = "Start it with --stdio or --transport stdio, or as its documentation says.";

function describeWait({ name }: Command, ms: number, url: string): string {
  if (ms < REPORT_EVERY) return `Waiting for "${printable(name)}" to answer; it will be served at ${url}`;
  return `"${printable(name)}" has not answered for ${ms / 1000} s. It must speak MCP over stdin and stdout.`;
}

function describePort({ name }: Command, port: number): string {
  return `"${printable(name)}" listens on port ${port} and has not answered over stdio. ${STDIO_MODE}`;
}

function describeWrongTransport({ name }: Command, port: number): UserError {
  return new UserError(
    `The server "${printable(name)}" listens on port ${port} and has not answered over stdio for ${WRONG_TRANSPORT_AFTER / 1000} s.`,
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
  // A process's stderr is shown as it comes, unless with --quiet; why there is no process at all is reported only here.
  const isShown = !isQuiet && (exit.code !== null || exit.signal !== null);
  const output = isShown
    ? [`Its error output is above, marked "${name} |".`]
    : ["Its last output:", ...exit.stderrTail.map((line) => `  | ${printableLine(line)}`)];
  return [
    `The server "${name}" ${describeExit(exit)} before it answered.`,
    ...(exit.stderrTail.length > 0 ? output : ["It wrote nothing to stderr."]),
    `It was started as: ${printableLine([file, ...args].join(" "))}`,
  ].join("\n");
}
