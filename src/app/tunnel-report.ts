// Turns what happens to the tunnel into events of the program, into a public URL that moves, and into its end.
import type { PublicUrl } from "./public-url.ts";
import type { Run } from "./run.ts";
import { UserError } from "../errors.ts";
import type { OpenTunnel, Tunnel, TunnelEvents, TunnelTarget } from "../tunnel/tunnel.ts";

/** Opens the tunnel and lets `url` follow it for as long as the program runs. */
export async function openReportedTunnel(
  run: Run,
  openTunnel: OpenTunnel,
  target: TunnelTarget,
  url: PublicUrl,
): Promise<Tunnel> {
  const { config, io, lifecycle } = run;
  const events = reportTunnel(run, url);
  io.log.info(`Opening the ${config.tunnel} tunnel.`);
  const tunnel = await lifecycle.open(
    "the tunnel",
    () => openTunnel(target, events, lifecycle.signal),
    (opened) => opened.close(),
  );
  events.up(tunnel);
  return tunnel;
}

/**
 * The handlers of a tunnel's events. Before `ready` no one has read the URL, so neither its change nor its loss is reported
 * on its own.
 */
function reportTunnel({ io, lifecycle }: Run, publicUrl: PublicUrl): TunnelEvents {
  const { now, log, emit } = io;
  let url: string | undefined;
  let downSince: number | undefined;
  return {
    up(up) {
      const changed = url !== undefined && up.url !== url;
      const isNew = up.url !== url;
      emit({
        event: "tunnel",
        state: "up",
        url: up.url,
        ...(up.roundTrip !== undefined && { roundTripMs: up.roundTrip }),
        ...(downSince !== undefined && { downMs: now() - downSince }),
        ...(changed && lifecycle.isReady() && { changed }),
      });
      url = up.url;
      downSince = undefined;
      if (isNew) publicUrl.moveTo(up.url);
    },
    down({ reason, since, nextTry }) {
      downSince = since;
      emit({
        event: "tunnel",
        state: "down",
        reason,
        since: new Date(since).toISOString(),
        ...(nextTry !== undefined && { nextTryMs: nextTry }),
      });
    },
    failed(reason, advice) {
      if (lifecycle.isReady())
        emit({ event: "tunnel", state: "failed", reason, ...(advice !== undefined && { advice }) });
      lifecycle.fail(new UserError(reason, advice, 1));
    },
    notice: log.warn,
  };
}
