// Opens the tunnel of a run, lets the public URL follow it, and keeps to its limits.
import type { PublicUrl } from "./public-url.ts";
import type { Run } from "./run.ts";
import { tellTunnel, watchLoad } from "./tunnel.ts";
import type { RequestSlots } from "../http/request-slots.ts";
import type { Quota } from "../tunnel/request-quota.ts";
import type { OpenTunnel, Tunnel, TunnelTarget } from "../tunnel/tunnel.ts";

/** Opens the tunnel. `url` follows it for as long as the program runs. */
export async function startTunnel(
  { config, io, lifecycle }: Run,
  openTunnel: OpenTunnel | undefined,
  target: TunnelTarget,
  url: PublicUrl,
): Promise<Tunnel | undefined> {
  if (openTunnel === undefined) return undefined;
  const { now, log, emit } = io;
  const { events, tellUp } = tellTunnel({
    now,
    log,
    emit,
    moved: url.moveTo,
    isAnnounced: lifecycle.isReady,
    over: lifecycle.fail,
  });
  log.info(`Opening the ${config.tunnel} tunnel.`);
  const tunnel = await lifecycle.open(
    "the tunnel",
    () => openTunnel(target, events, lifecycle.signal),
    (opened) => opened.close(),
  );
  url.moveTo(tunnel.url);
  tellUp(tunnel);
  return tunnel;
}

/** @returns called for each request through the tunnel */
export async function limitTunnel(
  { io, lifecycle }: Run,
  tunnel: Tunnel | undefined,
  slots: RequestSlots,
): Promise<() => void> {
  if (tunnel === undefined) return () => {};
  const quota: Quota = await lifecycle.open(
    "the count of requests",
    () => watchLoad(tunnel, slots.setLimit, io),
    (opened) => opened.close(),
  );
  return quota.count;
}
