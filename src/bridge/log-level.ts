// Severities of log messages (RFC 5424 §6.2.1, as MCP's logging utility names them).
import { stringParam, type Message } from "../frame/message.ts";

const LEVELS = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

export function isLogLevel(level: string | undefined): level is string {
  return level !== undefined && LEVELS.includes(level);
}

/** Whether a `notifications/message` is as severe as `wanted`; everything is when nothing was said. */
export function isLogged(message: Message, wanted: string | undefined): boolean {
  return (
    wanted === undefined || LEVELS.indexOf(stringParam(message, "level") ?? "") >= LEVELS.indexOf(wanted)
  );
}

export function leastSevere(levels: readonly (string | undefined)[]): string | undefined {
  const known = levels.filter(isLogLevel);
  return LEVELS.find((level) => known.includes(level));
}
