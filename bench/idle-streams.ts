// Processor time of a bridge on which nothing happens: alone, and with many event streams open.
import type { Contender } from "./contenders.ts";
import { readCpu } from "./process-facts.ts";
import type { Effort } from "./sample.ts";

export interface IdleCpu {
  streams: number;
  /** Milliseconds of processor time per second, with nobody connected. */
  alone: number;
  /** The same, with every stream open. */
  open: number;
}

const WATCH_SECONDS = 20;

export async function measureIdleStreams({ start }: Contender, { quick }: Effort): Promise<IdleCpu> {
  const running = await start();
  const streams = quick ? 8 : 256;
  try {
    const alone = await watch(running.pid, quick);
    const bodies: ReadableStream<Uint8Array>[] = [];
    for (let count = 0; count < streams; count++) {
      const { url, headers } = await running.open();
      const { body, status } = await fetch(url, { headers: { ...headers, accept: "text/event-stream" } });
      if (status !== 200 || body === null) throw new Error(`no stream: status ${status}`);
      bodies.push(body);
    }
    const open = await watch(running.pid, quick);
    for (const body of bodies) await body.cancel();
    return { streams, alone, open };
  } finally {
    await running.stop();
  }
}

async function watch(pid: number, quick: boolean): Promise<number> {
  const seconds = quick ? 0.2 : WATCH_SECONDS;
  await Bun.sleep(quick ? 50 : 2_000);
  const before = readCpu(pid);
  await Bun.sleep(seconds * 1000);
  return (readCpu(pid) - before) / seconds;
}
