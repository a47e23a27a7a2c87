// The public side a run has, made of its config: who is let in to what, by which door, in which place.
import type { AppEvent } from "./event.ts";
import { ANYBODY, describeCaller } from "./oauth.ts";
import type { Config } from "../config/config.ts";
import type { Caller } from "../eras/caller.ts";
import type { EndpointHandler, Endpoint } from "../eras/endpoint.ts";
import { ASSISTANT_ORIGINS } from "../http/assistant-origins.ts";
import { createGuards } from "../http/request-guards.ts";
import { makeLast } from "../http/last-response.ts";
import type { Listener } from "../http/http-server.ts";
import { createPlaces, type Places } from "../http/request-slots.ts";
import { createPublicApp, type Note, type Resource } from "../http/public-app.ts";
import type { TunnelListener } from "../http/tunnel-server.ts";
import type { Log } from "../log.ts";
import type { Authentication, OAuth } from "../oauth/oauth.ts";
import { groupSource } from "../oauth/sign-in/throttle.ts";
import { printable } from "../printable.ts";

export const SSE_PATH = "/sse";
export const MESSAGES_PATH = "/messages";

export interface PublicIO {
  log: Log;
  now(): number;
  emit(event: AppEvent): void;
}

export interface Doors {
  /** Whom a request counts for where tries and registrations are counted. */
  sourceOf(request: Request): string;
  /** The places of the tunnel. */
  places: Places;
  /** From now on requests go to `handler`. */
  serve(publicUrl: string, handler: (request: Request) => Promise<Response>): void;
}

export interface DoorsOptions {
  config: Pick<Config, "tunnel" | "publicUrl">;
  /** Whoever reaches this machine's port. */
  listener: Listener;
  /** The tunnel's own, where it has one. */
  door: TunnelListener | undefined;
  /** Called for each request through the tunnel. */
  count(): void;
}

export function openDoors({ config, listener, door, count }: DoorsOptions): Doors {
  const isTunneled = config.tunnel !== "none";
  const isProxied = isTunneled || config.publicUrl !== undefined;
  /** A tunnel appends the address it saw to X-Forwarded-For; what stands before that, anybody may have written. */
  const knownSourceOf = (request: Request) =>
    door?.has(request) ? request.headers.get("x-forwarded-for")?.split(",").at(-1)?.trim() : undefined;
  const places = createPlaces({
    isLimited: (request) => (door === undefined ? isTunneled : door.has(request)),
    sourceOf(request) {
      const source = knownSourceOf(request);
      return source && groupSource(source);
    },
  });
  return {
    places,
    sourceOf(request) {
      const address = knownSourceOf(request) || listener.addressOf(request);
      // Everybody reaches this port, so nobody is believed whom he speaks for; that he speaks for somebody, he may say: what
      // strangers do through a proxy is not held against the person who sits at this machine.
      const isFor = isProxied && !door?.has(request) && request.headers.has("x-forwarded-for");
      return isFor ? `${address} (a proxy)` : address;
    },
    serve(publicUrl, handler) {
      const admit = (request: Request, open: number) => places.refuseCrowd(open) ?? handler(request);
      door?.serve(async (request, open) => {
        count();
        return makeLast(request, await admit(request, open), () => places.take(request));
      });
      if (door !== undefined || !isTunneled) return listener.serve(handler);
      const { host } = new URL(publicUrl);
      listener.serve((request, open) => {
        if (request.headers.get("host") === host) count();
        return admit(request, open);
      });
    },
  };
}

export interface PublicParts {
  publicUrl: string;
  /** Another one after the URL has changed. */
  currentOAuth(): OAuth | undefined;
  endpoint: Endpoint;
  places: Places;
}

export function createPublicHandler(config: Config, io: PublicIO, parts: PublicParts) {
  const { publicUrl, currentOAuth, endpoint, places } = parts;
  const oauth = currentOAuth();
  /** Lets in who may enter, and only then looks at what is asked. */
  const protect = (path: string, answer: EndpointHandler): Resource => {
    if (oauth === undefined) return (request, note) => answer(request, ANYBODY, note);
    const enter = (request: Request, note: Note, authentication: Authentication) => {
      if (!authentication.ok) return authentication.response;
      const { principal } = authentication;
      const again = () => currentOAuth()!.recheck(request, path);
      const caller = describeCaller(oauth, principal, path, again);
      if (principal !== undefined) {
        oauth.noteUse(principal.grantId);
        note.client = principal.clientId;
        return answer(request, caller, note);
      }
      const stranger: Caller = { ...caller, goOn: () => places.extend(request) };
      return places.lend(request, () => answer(request, stranger, note));
    };
    return (request, note) => {
      const authentication = oauth.authenticate(request, path);
      if (!(authentication instanceof Promise)) return enter(request, note, authentication);
      // What ended while the store was asked is not good any more in the turn in which the request goes on.
      return authentication.then((found) =>
        enter(request, note, found.ok ? oauth.recheck(request, path) : found),
      );
    };
  };
  const mcp = protect(config.path, endpoint.mcp);
  return createPublicApp({
    guards: createGuards({
      publicUrl,
      // Where nobody needs a token, a page may not call for being an assistant's: whoever gets it to call would be let in.
      allowOrigin:
        config.auth === "oauth" ? [...ASSISTANT_ORIGINS, ...config.allowOrigin] : config.allowOrigin,
    }),
    resources: new Map([
      [config.path, mcp],
      [`${config.path}/`, mcp],
      [SSE_PATH, protect(SSE_PATH, endpoint.sse)],
      [MESSAGES_PATH, protect(SSE_PATH, endpoint.messages)],
    ]),
    oauth: oauth?.routes,
    lend: places.lend,
    now: io.now,
    onExchange: (exchange) => io.emit({ event: "request", ...exchange }),
    onFault: (thrown, path) => io.log.error(`${printable(path)} failed: ${thrown.stack ?? thrown.message}`),
  });
}
