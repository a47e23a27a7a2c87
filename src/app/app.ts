// The start-up story: opens each part in order and passes it what it needs of the others; lifecycle.ts closes them.
// app/ is the only room that names concrete choices, and it holds nothing of a request.
import { toFailedEvent, type Ready } from "./event.ts";
import { openIdentity } from "./identity.ts";
import { runLifecycle } from "./lifecycle.ts";
import { type Mounts, openMount } from "./mount.ts";
import { chooseAccess, openOAuth, refusePrivateFetch } from "./oauth.ts";
import { openPrivatePort, openPublicPort } from "./ports.ts";
import { openPublicSide } from "./public-side.ts";
import { createPublicUrl } from "./public-url.ts";
import { describeReady } from "./ready.ts";
import { restartServers } from "./restart.ts";
import type { AppIO, Run } from "./run-context.ts";
import { openRunStore } from "./run-store.ts";
import { openServer, resolveServer } from "./server.ts";
import { limitTunnel, startTunnel } from "./tunnel-start.ts";
import { prepareTunnel } from "./tunnel.ts";
import { describeChangedFiles, openWatch } from "./watch.ts";
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
export { inheritEnvironment } from "./environment.ts";
export { openGrants } from "./grants.ts";
export { findAuthtoken } from "../tunnel/ngrok/authtoken.ts";

export interface App {
  readonly ready: Ready;
  /** Resolves with the exit status when the program has stopped by itself or by `stop`. */
  readonly stopped: Promise<number>;
  /** Ends the server's processes and starts it anew; sessions go on. Resolves when it has answered, or does not start. */
  restart(): Promise<void>;
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
  const command = resolveServer(config, io);
  const preparedTunnel = prepareTunnel(config, io);
  refusePrivateFetch(config, io);

  const store = await openRunStore(run);
  const identity = await openIdentity(run, store, command);
  const access = chooseAccess(run, store, identity);
  const publicServer = await openPublicPort(run, preparedTunnel);
  const url = createPublicUrl(config.publicUrl ?? publicServer.origin);
  const startedAt = io.now();
  const { bridge, answered } = await openServer(run, command, identity, url);
  await startTunnel(run, preparedTunnel, publicServer.target, url);
  const requestLog = createRequestLog(io);
  const observers = [requestLog, ...(io.observers ?? [])];
  const { serverId } = identity;
  const parts = { bridge, command, publicServer, preparedTunnel, observers, serverId, store, url };
  const mounts: Mounts = [await openMount(run, parts)];
  const oauth = access && (await openOAuth(run, access, mounts, { publicServer, url }));
  const countRequest = await limitTunnel(run, preparedTunnel, publicServer.slots);
  openPublicSide(run, { mounts, oauth, publicServer, url, requestLog, countRequest });
  const readyz = await openPrivatePort(run, mounts);

  const ready = await lifecycle.ready(answered, () => {
    void oauth?.endUnconfigured();
    return describeReady(run, { url, mounts, publicServer, preparedTunnel, access, readyz });
  });
  openWatch(run, {
    command,
    startedAt,
    restart: (change) => restartServers(mounts, io.log, describeChangedFiles(change, config)),
  });
  return {
    ready,
    stopped: lifecycle.stopped,
    restart: () => restartServers(mounts, io.log),
    stop: () => lifecycle.stop(0),
  };
}
