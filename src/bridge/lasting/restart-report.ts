// What people and scripts are told of a restart: that it begins and why, when the server is back, or that it is broken.
import { describeExit } from "../../child/child.ts";
import { messageOf } from "../../errors.ts";
import type { BridgeOptions, LaunchReport } from "../bridge.ts";

export interface RestartReport {
  ending(reason: string): void;
  launched(report: LaunchReport): void;
  failed(thrown: unknown): void;
}

export function createRestartReport({
  now,
  log,
  onServer,
}: Pick<BridgeOptions, "now" | "log" | "onServer">): RestartReport {
  let begun = 0;
  return {
    ending(reason) {
      begun = now();
      onServer({ state: "restarting", inMs: 0, reason });
    },
    launched(report) {
      if (report.outcome === "answered") log.success(`The server is back after ${now() - begun} ms.`);
      if (report.outcome === "exited")
        log.error(
          `The server does not start: it ${describeExit(report.exit)}. The URL stays up: calls are answered with why, until it starts again.`,
        );
    },
    failed: (thrown) => log.error(`The server could not be restarted: ${messageOf(thrown)}`),
  };
}
