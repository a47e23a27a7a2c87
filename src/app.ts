// The start-up story: builds each part in order and closes them backwards.
// The only file that names concrete choices; what one part needs of another is passed in here.
import { lookup } from "node:dns/promises";
import type { AppEvent, Ready } from "./app-event.ts";
import { chooseTunnel, inheritEnvironment, tellTunnel, type TunnelIO, watchLoad } from "./app-tunnel.ts";
import type { Bridge, LaunchReport } from "./bridge/bridge.ts";
import { createBridge } from "./bridge/pool.ts";
import { describeExit, type ChildExit } from "./child/child.ts";
import { resolveCommand, type Command } from "./child/command.ts";
import { createSpawner } from "./child/spawn.ts";
import type { Config } from "./config/config.ts";
import { createEndpoint, type Answer, type Endpoint } from "./eras/endpoint.ts";
import { isSessionRevision, type Gate } from "./eras/era.ts";
import { UserError } from "./errors.ts";
import { createGuards } from "./http/guards.ts";
import { listen, type Listener } from "./http/listen.ts";
import { createPrivateApp } from "./http/private-app.ts";
import { createPublicApp, type Resource } from "./http/public-app.ts";
import type { Log } from "./log.ts";
import { listGrants, revokeAll, revokeGrant } from "./oauth/grants.ts";
import {
  createOAuth,
  type OAuth,
  type OAuthOptions,
  type Permission,
  type Principal,
} from "./oauth/oauth.ts";
import { createPinnedGet } from "./oauth/pinned-get.ts";
import { openStore } from "./store/sqlite.ts";
import { NAME, VERSION } from "./version.ts";

export type { AppEvent, Ready, RequestEvent, TunnelEvent } from "./app-event.ts";
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
/** The longest message a server may send, in bytes. */
const MAX_LINE = 256 * 1024 * 1024;
/** How long a server process may take to end by itself, in milliseconds. */
const GRACE = 1_000;
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

  const listener = listen(config);
  closing.add(listener.stop);
  const bridge = launchBridge(config, io, command);
  closing.add(bridge.close);
  const launched = bridge.launch();

  const teller = tellTunnel({ ...io, moved, over: () => void stop(1) });
  if (openTunnel) log.info(`Opening the ${config.tunnel} tunnel.`);
  const target = { host: reachableHost(config.host), port: listener.port };
  const tunnel = await openTunnel?.(target, teller.events, signal);
  closing.add(() => tunnel?.close());
  const local = `http://${hostForUrl(config.host)}:${listener.port}`;
  let publicUrl = tunnel?.url ?? config.publicUrl ?? local;
  if (tunnel) teller.tellUp(tunnel);

  const endpoint = createEndpoint({
    ...io,
    bridge,
    messagesPath: MESSAGES_PATH,
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

  await checkLaunch(await orAbort(launched, signal), command, log, (exit) => {
    log.error(describeBrokenServer(command, exit));
    void stop(1);
  });

  const ready = describeReady();
  emit(ready);
  return { ready, stopped: stopped.promise, stop: () => stop(0) };

  /** Everything that says our public URL, or is bound to it, is made of the present one. */
  function publish() {
    oauth?.close();
    oauth =
      store &&
      credential &&
      createOAuth({ ...oauthOptions(config, io, publicUrl, command), credential, store, sourceOf });
    oauth?.onRevoked(endpoint.recheck);
    const parts = {
      publicUrl,
      endpoint,
      listener,
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
      local: local + config.path,
      issuer: oauth ? publicUrl : null,
      tunnel: tunnel?.kind ?? "none",
      inspector: null,
      readyz: `http://127.0.0.1:${side.port}/readyz`,
      auth: config.auth,
      credential:
        credential?.kind === "password"
          ? { kind: "password", users: credential.users.map(({ name }) => name) }
          : (credential ?? null),
      clients: config.client ? [describeClient(config.client)] : [],
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

function launchBridge(config: Config, io: AppIO, command: Command): Bridge {
  const { log, emit } = io;
  return createBridge(
    {
      ...io,
      process: config.process,
      childEra: config.childEra,
      maxChildren: config.maxChildren,
      startChild: createSpawner({
        command,
        cwd: config.cwd,
        env: childEnvironment(config, io.env),
        maxLine: MAX_LINE,
        grace: GRACE,
      }),
      onServer: (event) => emit({ event: "child", ...event }),
      onStderr: (line) => log.plain(`${command.name} | ${line}`),
    },
    isSessionRevision,
  );
}

/** The server gets our environment, less what is ours alone. */
function childEnvironment(config: Config, env: AppIO["env"]): Record<string, string> {
  return { ...inheritEnvironment(env), ...config.env };
}

type Credential = OAuthOptions["credential"];

function chooseCredential(config: Config, { random }: AppIO): Credential | undefined {
  if (config.auth === "none") return undefined;
  if (config.users.length > 0) return { kind: "password", users: config.users };
  return { kind: "token", token: config.token ?? Buffer.from(random(24)).toString("base64url") };
}

function oauthOptions(config: Config, io: AppIO, publicUrl: string, command: Command) {
  const { introspectSecret } = config;
  return {
    ...chooseDocuments(config, io),
    scopes: config.scopes,
    mayLookAround: config.auth === "optional",
    ...(introspectSecret !== undefined && { introspectSecret }),
    publicUrl,
    resources: [config.path, SSE_PATH].map((path) => publicUrl + path),
    serverName: command.name,
    serverId: new Bun.CryptoHasher("sha256").update(command.identity).digest("hex"),
    clients: config.client ? [config.client] : [],
    accessTtl: config.accessTtl,
    refreshTtl: config.refreshTtl,
    allowRedirect: config.allowRedirect,
    now: io.now,
    random: io.random,
    log: io.log,
    onGrant: (event: Parameters<OAuthOptions["onGrant"]>[0]) => io.emit({ event: "grant", ...event }),
  };
}

const PRIVATE_FETCH = "MCP_EXPOSE_ALLOW_PRIVATE_FETCH";

function refusePrivateFetch({ tunnel }: Config, { env }: AppIO): void {
  if (env[PRIVATE_FETCH] !== "1" || tunnel === "none") return;
  throw new UserError(
    `${PRIVATE_FETCH} would let everybody on the internet make this machine fetch from itself.`,
    "It is for tests: unset it, or use --tunnel none.",
  );
}

/** Metadata documents that clients are known by, and what fetches them. */
function chooseDocuments({ allowClient, denyClient }: Config, { env }: AppIO) {
  const allowLoopback = env[PRIVATE_FETCH] === "1";
  return {
    documents:
      allowClient?.length === 0
        ? undefined
        : { ...(allowClient && { allow: allowClient }), deny: denyClient, allowHttp: allowLoopback },
    get: createPinnedGet({
      resolve: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
      allowLoopback,
      userAgent: `${NAME}/${VERSION}`,
    }),
  };
}

interface PublicParts {
  publicUrl: string;
  /** Another one after the URL has changed. */
  currentOAuth(): OAuth | undefined;
  countRequest(): void;
  endpoint: Endpoint;
  listener: Listener;
}

function publicHandler(config: Config, io: AppIO, parts: PublicParts) {
  const { publicUrl, currentOAuth, endpoint, listener, countRequest } = parts;
  const oauth = currentOAuth();
  /** Lets in who may enter, and only then looks at what is asked. */
  const protect =
    (path: string, answer: Answer): Resource =>
    (request, note) => {
      const authentication = oauth?.authenticate(request, path);
      if (authentication?.ok === false) return authentication.response;
      listener.allowSilence(request);
      if (oauth === undefined || authentication === undefined) return answer(request, ANYBODY, note);
      const { principal } = authentication;
      if (principal !== undefined) note.client = principal.clientId;
      const caller = {
        principal:
          principal === undefined
            ? ANYBODY.principal
            : JSON.stringify([principal.subject, principal.clientId]),
        isValid: () => currentOAuth()!.authenticate(request, path).ok,
        gate: oauth.permission && createGate(oauth.permission, principal, path),
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

function createGate(permission: Permission, principal: Principal | undefined, path: string): Gate {
  return {
    looksAtHints: permission.looksAtHints && principal !== undefined,
    refuse: (call) => permission.refuse(principal, call, path),
    view: (tool) => permission.view(principal, tool),
  };
}

/** Without a token nobody can be told from anybody. */
const ANYBODY = { principal: "", isValid: () => true };

/** @param onEnd called if a server that had not answered yet ends before anybody uses it */
async function checkLaunch(
  report: LaunchReport,
  command: Command,
  log: Log,
  onEnd: (exit: ChildExit) => void,
) {
  if (report.outcome === "exited")
    throw new UserError(describeBrokenServer(command, report.exit), undefined, 1);
  if (report.outcome === "answered") return;
  log.warn(`"${command.name}" has not answered yet; it may still be starting.`);
  void report.ended.then(onEnd);
}

function describeBrokenServer({ name, file, args }: Command, exit: ChildExit): string {
  const words = exit.lastWords.map((line) => `  ${line}`);
  return [
    `The server "${name}" ${describeExit(exit)} before it answered.`,
    ...(words.length > 0 ? ["Its last words:", ...words] : ["It wrote nothing to stderr."]),
    `It was started as: ${[file, ...args].join(" ")}`,
  ].join("\n");
}

function describeClient({ id, secret }: { id: string; secret?: string }): Ready["clients"][number] {
  return { client_id: id, ...(secret !== undefined && { client_secret: secret }) };
}

function hostForUrl(host: string): string {
  const name = reachableHost(host);
  return name.includes(":") ? `[${name}]` : name;
}

/** An address that listens everywhere is reached on loopback. */
function reachableHost(host: string): string {
  return host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
}

/** Grants in a store file, for looking at them and taking them away while a server runs on it. */
export function openGrants(where: string, now: () => number) {
  const store = openStore(where);
  return {
    list: () => listGrants(store, now()),
    revoke: (id: string) => revokeGrant(store, id, now()),
    revokeAll: () => revokeAll(store, now()),
    close: () => store.close(),
  };
}

interface Closing {
  add(close: () => unknown): void;
  /** Closes what was added, the last first. What fails to close does not keep the rest open. */
  close(): Promise<void>;
}

function createClosing(): Closing {
  const closers: (() => unknown)[] = [];
  return {
    add: (close) => void closers.push(close),
    async close() {
      for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
        await Promise.resolve()
          .then(close)
          .catch(() => {});
      }
    },
  };
}

/** @throws what `signal` was aborted with, as soon as it is */
async function orAbort<T>(work: T | Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
