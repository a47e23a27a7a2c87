// Opens the tunnel of a run, lets the public URL follow it, and keeps to its limits.
import type { PublicUrl } from "./public-url.ts";
import type { Run } from "./run-context.ts";
import { limitRequests, reportTunnel, type PreparedTunnel } from "./tunnel.ts";
import type { RequestSlots } from "../http/request-slots.ts";
import type { TunnelTarget } from "../tunnel/tunnel.ts";

/** Opens the tunnel. `url` follows it for as long as the program runs. */
export async function startTunnel(
  { config, io, lifecycle }: Run,
  preparedTunnel: PreparedTunnel | undefined,
  target: TunnelTarget,
  url: PublicUrl,
): Promise<void> {
  if (preparedTunnel === undefined) return;
  const { now, log, emit } = io;
  const { events, up } = reportTunnel({
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
    () => preparedTunnel.open(target, events, lifecycle.signal),
    (opened) => opened.close(),
  );
  url.moveTo(tunnel.url);
  up(tunnel);
}

/** @returns called for each request through the tunnel */
export async function limitTunnel(
  { io, lifecycle }: Run,
  preparedTunnel: PreparedTunnel | undefined,
  slots: RequestSlots,
): Promise<() => void> {
  if (preparedTunnel === undefined) return () => {};
  const quota = await lifecycle.open(
    "the count of requests",
    () => limitRequests(preparedTunnel.capabilities, slots.setLimit, io),
    (opened) => opened.close(),
  );
  return quota.count;
}
