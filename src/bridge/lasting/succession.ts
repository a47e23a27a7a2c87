// The generations of a server, one after the other: all processes of one have ended before the next one starts.
import { settlesWithin } from "../../deadline.ts";
import type { BridgeOptions, Generation, LaunchReport } from "../bridge.ts";
import { createGeneration } from "../pool/generation.ts";
import { createRestartReport } from "./restart-report.ts";
import { createRestarts, type Restarts } from "./restarts.ts";

export interface Succession extends Pick<Restarts, "launch" | "request" | "isDecided"> {
  readonly current: Generation;
  /** How often the server has been restarted so far. */
  restartCount(): number;
  /** The one that calls are made on; while one ends, the next one. */
  find(): Promise<Generation>;
  close(): Promise<void>;
}

export interface SuccessionOptions {
  bridge: BridgeOptions;
  /** The processes are going to end: nothing new is sent to them. */
  hold(): void;
  /** Goes on with what was held, on processes that have answered. */
  resume(): Promise<unknown>;
}

/** How long sessions and streams may take to be taken up again before the restart counts as done, in milliseconds. */
const RESUME_WITHIN = 10_000;
/** A server that has become another one without a restart is replaced once in so many milliseconds. */
const REPLACE_EVERY = 60_000;

export function createSuccession({ bridge, hold, resume }: SuccessionOptions): Succession {
  const { now } = bridge;
  const report = createRestartReport(bridge);
  const restarts = createRestarts({ end, start });
  let generation = createNext();
  let restartCount = 0;
  let checkedAt = -Infinity;
  let isClosed = false;

  function createNext(): Generation {
    const own = createGeneration({
      ...bridge,
      next: async () => {
        await restarts.begun();
        return isClosed || generation === own ? undefined : generation;
      },
      mayCheck() {
        if (now() - checkedAt < REPLACE_EVERY) return false;
        checkedAt = now();
        return true;
      },
      outdated: () => void restarts.request("it has become another server").catch(report.failed),
    });
    return own;
  }

  async function end(reason: string): Promise<void> {
    restartCount++;
    report.ending(reason);
    hold();
    await generation.drain(`The MCP server is restarted because ${reason}. Try again.`);
    await generation.close();
  }

  async function start(): Promise<LaunchReport> {
    const own = restartCount > 0 ? (generation = createNext()) : generation;
    const launched = await own.launch();
    if (restartCount === 0 || own !== generation || restarts.isEnding) return launched;
    report.launched(launched);
    if (launched.outcome === "answered") await settlesWithin(resume(), RESUME_WITHIN);
    return launched;
  }

  return {
    get current() {
      return generation;
    },
    get isDecided() {
      return restarts.isDecided;
    },
    restartCount: () => restartCount,
    async find() {
      await restarts.begun();
      return generation;
    },
    launch: restarts.launch,
    request: restarts.request,
    async close() {
      isClosed = true;
      restarts.close();
      await generation.close();
    },
  };
}
