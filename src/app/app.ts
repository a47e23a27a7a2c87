// The start-up story: opens each part in order and passes it what it needs of the others; lifecycle.ts closes them.
// app/ is the only room that names concrete choices, and it holds nothing of a request.
import { childEnvironment } from "./environment.ts";
import { toFailedEvent, type Ready } from "./event.ts";
import { runLifecycle } from "./lifecycle.ts";
import { type Mounts, openMount } from "./mount.ts";
import { openAccess, openOAuth, refusePrivateFetch } from "./oauth.ts";
import { openPrivatePort, openPublicPort } from "./ports.ts";
import { openPublicSide } from "./public-side.ts";
import { createPublicUrl } from "./public-url.ts";
import { describeReady } from "./ready.ts";
import type { AppIO, Run } from "./run-context.ts";
import { openServer } from "./server.ts";
import { limitTunnel, startTunnel } from "./tunnel-start.ts";
import { prepareTunnel } from "./tunnel.ts";
import { resolveCommand } from "../child/command.ts";
import type { Config } from "../config/config.ts";
import { createRequestLog } from "../observe/request-log.ts";

export type {
  AppEvent,
  GrantEvent,
  Ready,
  RequestEvent,
  StaleEvent,
  ToolsEvent,
  TunnelEvent,
} from "./event.ts";
export type { AppIO } from "./run-context.ts";
export { openGrants } from "./grants.ts";
export { findAuthtoken } from "../tunnel/ngrok/authtoken.ts";

export interface App {
  readonly ready: Ready;
  /** Resolves with the exit status when the program has stopped by itself or by `stop`. */
  readonly stopped: Promise<number>;
  /** Ends streams and children and closes the tunnel; bounded to a few seconds. */
  stop(): Promise<void>;
}

/**
 * Starts everything and resolves when the URL answers. Emits `ready` then, and `failed` otherwise.
 *
 * @throws {UserError} exit code 2 for what cannot be right, 1 for what went wrong at the start
 */
export function startApp(config: Config, io: AppIO): Promise<App> {
  const { emit, log, signal } = io;
  const onFailed = (thrown: unknown) => emit(toFailedEvent(thrown));
  const onStopped = () => emit({ event: "stopped" });
  return runLifecycle<Ready, App>({ signal, log, onReady: emit, onFailed, onStopped }, (lifecycle) =>
    start({ config, io, lifecycle }),
  );
}

async function start(run: Run): Promise<App> {
  const { config, io, lifecycle } = run;
  // Options that cannot be right are refused before anything is opened.
  const command = resolveCommand(config.server, { ...io, env: childEnvironment(config, io.env) });
  const preparedTunnel = prepareTunnel(config, io);
  refusePrivateFetch(config, io);

  const access = await openAccess(run);
  const publicServer = await openPublicPort(run, preparedTunnel);
  const url = createPublicUrl(config.publicUrl ?? publicServer.origin);
  const { bridge, answered } = await openServer(run, command, url);
  await startTunnel(run, preparedTunnel, publicServer.target, url);
  const requestLog = createRequestLog(io);
  const observers = [requestLog, ...(io.observers ?? [])];
  const mount = { bridge, command, publicServer, preparedTunnel, observers, url, store: access?.store };
  const mounts: Mounts = [await openMount(run, mount)];
  const oauth = access && (await openOAuth(run, access, mounts, { publicServer, url }));
  const countRequest = await limitTunnel(run, preparedTunnel, publicServer.slots);
  openPublicSide(run, { mounts, oauth, publicServer, url, requestLog, countRequest });
  const readyz = await openPrivatePort(run, mounts);

  const ready = await lifecycle.ready(answered, () => {
    void oauth?.endUnconfigured();
    return describeReady(run, { url, mounts, publicServer, preparedTunnel, access, readyz });
  });
  return { ready, stopped: lifecycle.stopped, stop: () => lifecycle.stop(0) };
}
