// The start-up story: builds each part in order and closes them backwards.
// The only file that names concrete choices; what one part needs of another is passed in here.
import type { AppEvent, Ready } from "./app-event.ts";
import {
  ANYBODY,
  chooseCredential,
  describeCaller,
  describeCredential,
  openOAuth,
  refusePrivateFetch,
} from "./app-oauth.ts";
import { checkLaunch, childEnvironment, openBridge } from "./app-server.ts";
import { chooseTunnel, tellTunnel, type TunnelIO, watchLoad } from "./app-tunnel.ts";
import { resolveCommand } from "./child/command.ts";
import { createClosing, failureOf, orAbort, type Closing } from "./closing.ts";
import type { Config } from "./config/config.ts";
import { createEndpoint, type Answer, type Endpoint } from "./eras/endpoint.ts";
import { createGuards } from "./http/guards.ts";
import { FIRST_PORT, listen } from "./http/listen.ts";
import { createPrivateApp } from "./http/private-app.ts";
import { createPublicApp, type Resource } from "./http/public-app.ts";
import type { OAuth } from "./oauth/oauth.ts";
import { openStore } from "./store/sqlite.ts";

export type { AppEvent, GrantEvent, Ready, RequestEvent, TunnelEvent } from "./app-event.ts";
export { openGrants } from "./app-oauth.ts";
export { findAuthtoken } from "./tunnel/ngrok-authtoken.ts";

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

const SSE_PATH = "/sse";
const MESSAGES_PATH = "/messages";
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
  const store = config.auth === "none" ? undefined : openStore(config.store);
  closing.add(() => store?.close());

  const listener = listen({ ...config, isExpected: config.publicUrl !== undefined });
  closing.add(listener.stop);
  if (config.port === null && listener.port !== FIRST_PORT)
    log.info(`Port ${FIRST_PORT} is in use; listening on ${listener.port} instead.`);
  const bridge = openBridge(config, io, command);
  closing.add(bridge.close);
  const launched = bridge.launch().then((report) => checkLaunch(report, command, config, log, giveUp));

  const teller = tellTunnel({ ...io, moved, over: () => void stop(1) });
  if (openTunnel) log.info(`Opening the ${config.tunnel} tunnel.`);
  // A broken server is told at once, however long the tunnel takes.
  const opening = new AbortController();
  closing.add(() => opening.abort());
  const tunnel = await Promise.race([
    openTunnel?.(listener.target, teller.events, AbortSignal.any([signal, opening.signal])),
    failureOf(launched),
  ]);
  closing.add(() => tunnel?.close());
  let publicUrl = tunnel?.url ?? config.publicUrl ?? listener.origin;
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
  publish();
  if (tunnel) {
    const load = await watchLoad(tunnel, listener.limit, io);
    countRequest = load.count;
    closing.add(load.close);
  }

  const side = listen({ host: "127.0.0.1", port: 0 });
  closing.add(side.stop);
  side.serve(createPrivateApp(() => bridge.answers(READY_WITHIN)).fetch);

  await orAbort(launched, signal);

  const ready = describeReady();
  emit(ready);
  return { ready, stopped: stopped.promise, stop: () => stop(0) };

  /** A server that had not answered yet has ended before anybody used it. */
  function giveUp(problem: string) {
    log.error(problem);
    void stop(1);
  }

  /** Everything that says our public URL, or is bound to it, is made of the present one. */
  function publish() {
    oauth?.close();
    oauth =
      store &&
      credential &&
      openOAuth(config, io, {
        publicUrl,
        resources: [config.path, SSE_PATH].map((path) => publicUrl + path),
        serverName: command.name,
        serverId: new Bun.CryptoHasher("sha256").update(command.identity).digest("hex"),
        credential,
        store,
        sourceOf,
      });
    oauth?.onRevoked(endpoint.recheck);
    const parts = {
      publicUrl,
      endpoint,
      currentOAuth: () => oauth,
      countRequest: () => countRequest(),
    };
    listener.serve(publicHandler(config, io, parts));
  }

  /** Tokens name the URL they are for (RFC 8707 §2), so those for the old one are worth nothing now. */
  function moved(url: string) {
    publicUrl = url;
    publish();
    endpoint.recheck();
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

  /** A proxy in front of us, ours or the person's own, appends the address it saw. */
  function sourceOf(request: Request): string {
    const proxied = tunnel !== undefined || config.publicUrl !== undefined;
    const forwarded = proxied ? request.headers.get("x-forwarded-for")?.split(",").at(-1)?.trim() : undefined;
    return forwarded || listener.addressOf(request);
  }
}

interface PublicParts {
  publicUrl: string;
  /** Another one after the URL has changed. */
  currentOAuth(): OAuth | undefined;
  countRequest(): void;
  endpoint: Endpoint;
}

function publicHandler(config: Config, io: AppIO, parts: PublicParts) {
  const { publicUrl, currentOAuth, endpoint, countRequest } = parts;
  const oauth = currentOAuth();
  /** Lets in who may enter, and only then looks at what is asked. */
  const protect =
    (path: string, answer: Answer): Resource =>
    (request, note) => {
      const authentication = oauth?.authenticate(request, path);
      if (authentication?.ok === false) return authentication.response;
      if (oauth === undefined || authentication === undefined) return answer(request, ANYBODY, note);
      const { principal } = authentication;
      if (principal !== undefined) note.client = principal.clientId;
      const caller = {
        ...describeCaller(oauth, principal, path),
        isValid: () => currentOAuth()!.authenticate(request, path).ok,
      };
      return answer(request, caller, note);
    };
  const mcp = protect(config.path, endpoint.mcp);
  const answerPublic = createPublicApp({
    guards: createGuards({ publicUrl, allowOrigin: config.allowOrigin }),
    resources: new Map([
      [config.path, mcp],
      [`${config.path}/`, mcp],
      [SSE_PATH, protect(SSE_PATH, endpoint.sse)],
      [MESSAGES_PATH, protect(SSE_PATH, endpoint.messages)],
    ]),
    oauth: oauth?.routes,
    now: io.now,
    onExchange: (exchange) => io.emit({ event: "request", ...exchange }),
    onFault: (thrown, path) => io.log.error(`${path} failed: ${thrown.stack ?? thrown.message}`),
  });
  const { host } = new URL(publicUrl);
  return (request: Request) => {
    if (request.headers.get("host") === host) countRequest();
    return answerPublic(request);
  };
}
