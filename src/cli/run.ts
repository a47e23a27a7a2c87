// `mcp-expose <server>`: settings → config → app, until it stops by itself or a signal stops it.
// The first Ctrl+C lets everything end in order, the second one does not wait for that.
import { defineCommand } from "citty";
import type { AppEvent } from "../app/app.ts";
import type { Config } from "../config/config.ts";
import type { Settings } from "../config/merge.ts";
import { resolveConfig } from "../config/resolve.ts";
import { chooseServer } from "../config/server-spec.ts";
import { describeServerOptions, warnOfExposedSecrets, warnOfUnknownVariables } from "../config/warnings.ts";
import { UserError } from "../errors.ts";
import { createLog, type Log } from "../log.ts";
import type { CommandLine } from "./command-line.ts";
import { renderUsage } from "./help.ts";
import type { CliIO } from "./io.ts";
import { openKeys } from "./keys.ts";
import { createReport } from "./report.ts";
import { askHidden } from "./prompt.ts";
import { readSettings } from "./settings.ts";
import { wantsColor } from "./style.ts";

const FORCED = 130;
const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const QUIT = "the key q";
/** After the reason for stopping, for those who sit at the terminal. */
const HOW_TO_FORCE: Readonly<Record<string, string>> = {
  SIGINT: " Press Ctrl+C again to stop at once.",
  [QUIT]: " Press Ctrl+C to stop at once.",
};

export function createRun(line: CommandLine, io: CliIO) {
  return defineCommand({
    /** @returns the exit status */
    async run(): Promise<number> {
      const { settings, file } = await readSettings(line, io);
      const shell = settings.shell?.value ?? false;
      const server = chooseServer({ named: line.server, file, shell, cwd: io.cwd });
      if (server === undefined) throw new UserError("There is no server to run.", renderUsage());
      const log = openLog(settings, io);
      const { findAuthtoken } = await import("../app/app.ts");
      const config = await resolveConfig(settings, server, file, {
        ...io,
        warn: log.warn,
        askPassword: (user) => findPassword(user, io),
        findAuthtoken: (given) => findAuthtoken({ ...io, log, ...(given !== undefined && { given }) }),
      });
      redactSecrets(config, log);
      printWarnings(line, log, io);
      return await runUntilStopped(config, log, io);
    },
  });
}

/** Passwords on the command line are redacted from the first line on. */
function openLog({ quiet, verbose, user }: Settings, io: CliIO): Log {
  const level = quiet?.value ? "quiet" : verbose?.value ? "verbose" : "normal";
  const log = createLog({ level, write: io.stderr.write, color: wantsColor(io.stderr, io.env) });
  for (const { password } of user?.value ?? []) log.redact(password ?? "");
  return log;
}

function redactSecrets({ token, client, ngrokAuthtoken }: Config, log: Log): void {
  for (const secret of [token, client?.secret, ngrokAuthtoken]) log.redact(secret ?? "");
}

function printWarnings({ flags, server }: CommandLine, log: Log, { env }: CliIO): void {
  for (const warning of [...warnOfExposedSecrets(flags), ...warnOfUnknownVariables(env)]) log.warn(warning);
  const note = server?.literal === false ? describeServerOptions(server.args) : undefined;
  if (note !== undefined) log.info(note);
}

async function findPassword(user: string, io: CliIO): Promise<string> {
  const password =
    io.env["MCP_EXPOSE_PASSWORD"] || (io.stdin.isTTY ? await askHidden(`Password of ${user}`, io) : "");
  if (password !== "") return password;
  throw new UserError(
    `There is no password for user "${user}".`,
    "Set MCP_EXPOSE_PASSWORD, or put a hash into the config file (mcp-expose hash-password).",
  );
}

async function runUntilStopped(config: Config, log: Log, io: CliIO): Promise<number> {
  const { startApp } = await import("../app/app.ts");
  const stop = watchSignals(io);
  const keys = openKeys(io, stop);
  try {
    const report = createReport(config, log, io, keys.isOn);
    const emit = (event: AppEvent) => {
      if (event.event === "ready") keys.moved(event);
      report(event);
    };
    const appIO = { ...io, log, emit, signal: stop.signal };
    const stopped = startApp(config, appIO).then(
      async (app) => {
        keys.started(app);
        const byItself = await Promise.race([app.stopped, stop.asked]);
        if (byItself !== undefined) return byItself;
        log.info(`Stopping.${HOW_TO_FORCE[String(stop.signal.reason)] ?? ""}`);
        await app.stop();
        return 0;
      },
      (thrown: unknown) => {
        // A signal ended the start.
        if (stop.signal.aborted) {
          log.info("Stopped.");
          return 0;
        }
        throw thrown;
      },
    );
    return await Promise.race([stopped, stop.forced]);
  } finally {
    keys.close();
    stop.close();
  }
}

/** `asked` resolves and `signal` aborts at the first signal or request; `forced` resolves at a Ctrl+C after that. */
function watchSignals({ onSignal }: CliIO) {
  const asked = Promise.withResolvers<undefined>();
  const forced = Promise.withResolvers<number>();
  const abort = new AbortController();
  const end = (reason: string) => {
    abort.abort(reason);
    asked.resolve(undefined);
  };
  const stops = STOP_SIGNALS.map((name) =>
    onSignal(name, () => {
      if (abort.signal.aborted && name === "SIGINT") forced.resolve(FORCED);
      end(name);
    }),
  );
  const close = () => stops.forEach((stopListening) => stopListening());
  const request = () => end(QUIT);
  return { asked: asked.promise, forced: forced.promise, signal: abort.signal, request, close };
}
