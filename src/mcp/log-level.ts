// Severities of log messages (RFC 5424 §6.2.1, as MCP's logging utility names them).

const LEVELS = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

export function isLogLevel(level: string | undefined): level is string {
  return level !== undefined && LEVELS.includes(level);
}

/** Whether a level is at least as severe as `wanted`. A level that MCP does not know is less severe than all others. */
export function isAsSevere(level: string, wanted: string): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(wanted);
}

export function leastSevere(levels: readonly (string | undefined)[]): string | undefined {
  const known = levels.filter(isLogLevel);
  return LEVELS.find((level) => known.includes(level));
}
