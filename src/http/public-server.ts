// The public side as requests reach it: the port on this machine, and the tunnel's own socket where the tunnel takes one.
// Knows which requests came through the tunnel, which source each counts for, and how many may be open.
import type { HttpServer } from "./http-server.ts";
import { closeConnectionAfter } from "./last-response.ts";
import { createRequestSlots, type RequestSlots } from "./request-slots.ts";
import type { TunnelServer } from "./tunnel-server.ts";

export interface PublicServer extends Pick<HttpServer, "origin" | "disableIdleTimeout"> {
  /** The address that the tunnel leads to. */
  readonly target: HttpServer["target"] & { socket: string | undefined };
  /** The source that a request counts for where attempts and registrations are limited. */
  sourceOf(request: Request): string;
  slots: RequestSlots;
  /**
   * From now on requests go to `handler`.
   *
   * @param publicUrl what requests through a tunnel without a socket are known by
   * @param onTunnelRequest called for each request through the tunnel
   */
  serve(
    publicUrl: string,
    handler: (request: Request) => Promise<Response>,
    onTunnelRequest: () => void,
  ): void;
}

export interface PublicServerOptions {
  /** Anyone on this machine reaches it. */
  httpServer: HttpServer;
  /** The tunnel's own, where it takes one. */
  tunnelServer: TunnelServer | undefined;
  /** Whether there is a tunnel. */
  isTunneled: boolean;
  /** Whether requests come through a tunnel or a proxy of the person's own. */
  isProxied: boolean;
  /** The part of an address that one sender controls. */
  groupSource(address: string): string;
}

export function createPublicServer(options: PublicServerOptions): PublicServer {
  const { httpServer, tunnelServer, isTunneled, isProxied, groupSource } = options;
  /** A tunnel appends the address it saw to X-Forwarded-For; anyone may have written what stands before that. */
  const tunnelSourceOf = (request: Request) =>
    tunnelServer?.received(request)
      ? request.headers.get("x-forwarded-for")?.split(",").at(-1)?.trim()
      : undefined;
  const slots = createRequestSlots({
    isLimited: (request) => (tunnelServer === undefined ? isTunneled : tunnelServer.received(request)),
    sourceOf(request) {
      const source = tunnelSourceOf(request);
      return source && groupSource(source);
    },
  });
  return {
    origin: httpServer.origin,
    target: { ...httpServer.target, socket: tunnelServer?.socket },
    disableIdleTimeout: httpServer.disableIdleTimeout,
    slots,
    sourceOf(request) {
      const address = tunnelSourceOf(request) || httpServer.addressOf(request);
      // Anyone reaches this port, so the address in the header is not trusted. Its presence is: attempts that come through a
      // proxy are not counted against the person who sits at this machine.
      const isForwarded =
        isProxied && !tunnelServer?.received(request) && request.headers.has("x-forwarded-for");
      return isForwarded ? `${address} (a proxy)` : address;
    },
    serve(publicUrl, handler, onTunnelRequest) {
      const handleWithinLimit = (request: Request, open: number) =>
        slots.refuseOverLimit(open) ?? handler(request);
      tunnelServer?.serve(async (request, open) => {
        onTunnelRequest();
        const response = await handleWithinLimit(request, open);
        return closeConnectionAfter(request, response, () => slots.reserveAnonymous(request));
      });
      if (tunnelServer !== undefined || !isTunneled) return httpServer.serve(handler);
      const { host } = new URL(publicUrl);
      httpServer.serve((request, open) => {
        if (request.headers.get("host") === host) onTunnelRequest();
        return handleWithinLimit(request, open);
      });
    },
  };
}
