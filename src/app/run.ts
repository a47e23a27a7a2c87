// What every step of the start gets: what to run, the process it runs in, and the lifecycle that closes what it opens.
import type { AppEvent, Ready } from "./event.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { TunnelIO } from "./tunnel.ts";
import type { Config } from "../config/config.ts";

/** What the process gives the program. */
export interface AppIO extends TunnelIO {
  emit(event: AppEvent): void;
  /** The executable we run in. */
  execPath: string;
  /** Aborts when the start is to be given up. */
  signal: AbortSignal;
}

export interface Run {
  config: Config;
  io: AppIO;
  lifecycle: Lifecycle<Ready>;
}
