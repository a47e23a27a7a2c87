// Keeps what comes through the tunnel within what the provider carries, and warns before a free plan's end.
import { join } from "node:path";
import type { AppIO, Run } from "./run.ts";
import { findStateFolder } from "../config/state-folder.ts";
import type { RequestSlots } from "../http/request-slots.ts";
import { createQuota, type Quota, type QuotaOptions } from "../tunnel/request-quota.ts";
import type { Tunnel } from "../tunnel/tunnel.ts";

const NO_QUOTA: Quota = { count: () => {}, close: async () => {} };
const REPORT_REFUSED_EVERY = 60_000;

/** @returns counts what the provider's plan counts */
export async function openTunnelLimits(
  { io, lifecycle }: Run,
  tunnel: Tunnel | undefined,
  slots: RequestSlots,
): Promise<Quota> {
  const { log, now } = io;
  const { maxRequests, monthlyRequests } = tunnel?.capabilities ?? {};
  if (maxRequests !== undefined) slots.setLimit(maxRequests, createRefusalReport(maxRequests, io));
  if (monthlyRequests === undefined) return NO_QUOTA;
  const options: QuotaOptions = {
    file: join(findStateFolder(io), "tunnel-requests.json"),
    limit: monthlyRequests,
    now,
    warn: (count, most) =>
      log.warn(`${count} requests came through the tunnel this month; the free plan ends at ${most}.`),
  };
  return lifecycle.open(
    "the count of requests",
    () => createQuota(options),
    (quota) => quota.close(),
  );
}

/** A client that sends more than there is room for sends many more, so they are reported once a minute. */
function createRefusalReport(maxRequests: number, { log, now }: AppIO): () => void {
  let reportedAt = -Infinity;
  return () => {
    if (now() - reportedAt < REPORT_REFUSED_EVERY) return;
    reportedAt = now();
    log.warn(`Requests were refused: at most ${maxRequests} are open at a time, fewer without a token.`);
  };
}
