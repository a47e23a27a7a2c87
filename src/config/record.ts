// What a config file may hold is unknown until it is looked at: whether a value has keys is asked everywhere.

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
