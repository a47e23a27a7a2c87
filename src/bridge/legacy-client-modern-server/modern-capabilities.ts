// What clients with sessions declare, in the words of a revision without.
import type { ClientCapabilities } from "../envelope.ts";

/** What a session's client can do, in the words of a revision without sessions. */
export function modernCapabilities(capabilities: unknown): ClientCapabilities {
  if (typeof capabilities !== "object" || capabilities === null) return {};
  const { tasks: _, roots, ...rest } = capabilities as Record<string, unknown>;
  return { ...rest, ...(roots !== undefined && { roots: {} }) };
}
