// The arguments of every step of the start: the config, the process around it, and the lifecycle that closes what the step opens.
import type { AppEvent, Ready } from "./event.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { TunnelIO } from "./tunnel.ts";
import type { CallObserver } from "../eras/observers/call-observer.ts";
import type { Config } from "../config/config.ts";

/** Everything from outside that the program uses. */
export interface AppIO extends TunnelIO {
  emit(event: AppEvent): void;
  /** The executable we run in. */
  execPath: string;
  /** See every call, beside the request log. */
  observers?: readonly CallObserver[];
  /** Aborts when the start is to be given up. */
  signal: AbortSignal;
}

export interface Run {
  config: Config;
  io: AppIO;
  lifecycle: Lifecycle<Ready>;
}
