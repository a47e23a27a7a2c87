// The start-up story: builds each part in order and closes them backwards.
// The only file that names concrete choices; what one part needs of another is passed in here.
import type { AppEvent, Ready } from "./event.ts";
import { chooseCredential, describeCredential, openOAuth, refusePrivateFetch } from "./oauth.ts";
import { createPublicHandler, MESSAGES_PATH, openDoors, SSE_PATH } from "./public-side.ts";
import { childEnvironment, openServer } from "./server.ts";
import { chooseTunnel, takesSocket, tellTunnel, type TunnelIO, watchLoad } from "./tunnel.ts";
import { resolveCommand } from "../child/command.ts";
import { identifyServer } from "../child/identity.ts";
import { createClosing, failureOf, orAbort, type Closing } from "../closing.ts";
import type { Config } from "../config/config.ts";
import { createEndpoint } from "../eras/endpoint.ts";
import type { UserError } from "../errors.ts";
import { FIRST_PORT, listen } from "../http/http-server.ts";
import { createPrivateApp } from "../http/private-app.ts";
import { listenForTunnel, listSocketPlaces } from "../http/tunnel-server.ts";
import type { OAuth } from "../oauth/oauth.ts";
import { openStore } from "../store/open.ts";

export type { AppEvent, GrantEvent, Ready, RequestEvent, TunnelEvent } from "./event.ts";
export { openGrants } from "./oauth.ts";
export { findAuthtoken } from "../tunnel/ngrok/authtoken.ts";

/** What the program's surroundings give it. */
export interface AppIO extends TunnelIO {
  emit(event: AppEvent): void;
  /** The program we run in. */
  execPath: string;
  /** Aborts when starting is to be given up. */
  signal: AbortSignal;
}

export interface App {
  readonly ready: Ready;
  /** Resolves with the exit status when the program has stopped by itself or by `stop`. */
  readonly stopped: Promise<number>;
  /** Ends streams and children and closes the tunnel; bounded to a few seconds. */
  stop(): Promise<void>;
}

/** How long the server may take to answer `/readyz`, in milliseconds. */
const READY_WITHIN = 2_000;

/**
 * Starts everything and resolves when the URL answers.
 *
 * @throws {UserError} exit code 2 for what cannot be right, 1 for what went wrong at the start
 */
export async function startApp(config: Config, io: AppIO): Promise<App> {
  const closing = createClosing();
  try {
    return await start(config, io, closing);
  } catch (thrown) {
    await closing.close();
    throw thrown;
  }
}

async function start(config: Config, io: AppIO, closing: Closing): Promise<App> {
  const { log, emit, signal } = io;
  const stopped = Promise.withResolvers<number>();
  const stop = async (status: number) => {
    await closing.close();
    emit({ event: "stopped" });
    stopped.resolve(status);
  };

  const command = resolveCommand(config.server, { ...io, env: childEnvironment(config, io.env) });
  refusePrivateFetch(config, io);
  const openTunnel = chooseTunnel(config, io);
  const store = config.auth === "none" ? undefined : await openStore(config.store);
  closing.add(() => store?.close());

  const listener = listen({ ...config, isExpected: config.publicUrl !== undefined });
  closing.add(listener.stop);
  if (config.port === null && listener.port !== FIRST_PORT)
    log.info(`Port ${FIRST_PORT} is in use; listening on ${listener.port} instead.`);
  const door = takesSocket(config)
    ? listenForTunnel({ ...io, places: listSocketPlaces(io.env), warn: log.warn })
    : undefined;
  closing.add(() => door?.stop());
  const { bridge, launch } = openServer(config, io, command);
  closing.add(bridge.close);
  const opening = new AbortController();
  closing.add(() => opening.abort());
  const starting = AbortSignal.any([signal, opening.signal]);
  let publicUrl = config.publicUrl ?? listener.origin;
  const launched = launch(() => publicUrl + config.path, starting);
  let isReady = false;
  /** Rejects when the tunnel is given up before anybody has been told of it. */
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => {});
  const over = (problem: UserError) => (isReady ? void stop(1) : lost.reject(problem));
  const teller = tellTunnel({ ...io, isAnnounced: () => isReady, moved, over });
  if (openTunnel) log.info(`Opening the ${config.tunnel} tunnel.`);
  // A broken server is told at once, however long the tunnel takes.
  const tunnel = await Promise.race([
    openTunnel?.({ ...listener.target, socket: door?.socket }, teller.events, starting),
    failureOf(launched),
  ]);
  closing.add(() => tunnel?.close());
  if (tunnel) publicUrl = tunnel.url;
  if (tunnel) teller.tellUp(tunnel);

  const endpoint = createEndpoint({
    ...io,
    bridge,
    messagesPath: MESSAGES_PATH,
    arrived: listener.allowSilence,
    maxBody: config.maxBody,
    streamsGet: tunnel?.capabilities.streamsGet ?? true,
  });
  closing.add(async () => {
    // The streams stay until the servers are gone: what they leave unanswered is told on them.
    endpoint.endSessions();
    await bridge.close();
    endpoint.close();
  });
  const credential = chooseCredential(config, io);
  let oauth: OAuth | undefined;
  closing.add(() => oauth?.close());
  let countRequest = () => {};
  const doors = openDoors({ config, listener, door, count: () => countRequest() });
  publish();
  if (tunnel) {
    const load = await watchLoad(tunnel, doors.places.limit, io);
    countRequest = load.count;
    closing.add(load.close);
  }

  const side = listen({ host: "127.0.0.1", port: 0 });
  closing.add(side.stop);
  side.serve(createPrivateApp(() => bridge.isAlive(READY_WITHIN)).fetch);

  await orAbort(Promise.race([launched, lost.promise]), signal);

  isReady = true;
  void oauth?.endUnconfigured();
  const ready = describeReady();
  emit(ready);
  return { ready, stopped: stopped.promise, stop: () => stop(0) };

  /** Everything that says our public URL, or is bound to it, is made of the present one. */
  function publish() {
    void oauth?.close();
    oauth =
      store &&
      credential &&
      openOAuth(config, io, {
        publicUrl,
        resources: [config.path, SSE_PATH].map((path) => publicUrl + path),
        serverName: command.name,
        serverId: identifyServer(config.server, command.target, config.cwd),
        credential,
        store,
        sourceOf: doors.sourceOf,
      });
    oauth?.onRevoked(endpoint.recheck);
    const parts = { publicUrl, endpoint, currentOAuth: () => oauth, places: doors.places };
    doors.serve(publicUrl, createPublicHandler(config, io, parts));
  }

  /** Tokens name the URL they are for (RFC 8707 §2), so those for the old one are worth nothing now. */
  function moved(url: string) {
    publicUrl = url;
    publish();
    endpoint.recheck();
    if (!isReady) return;
    void oauth?.endUnconfigured();
    emit(describeReady());
  }

  function describeReady(): Ready {
    return {
      event: "ready",
      url: publicUrl + config.path,
      sse: publicUrl + SSE_PATH,
      local: listener.origin + config.path,
      issuer: oauth ? publicUrl : null,
      tunnel: tunnel?.kind ?? "none",
      inspector: null,
      readyz: `http://127.0.0.1:${side.port}/readyz`,
      auth: config.auth,
      credential: describeCredential(credential),
      clients: config.client ? [{ client_id: config.client.id }] : [],
      server: command.name,
    };
  }
}
