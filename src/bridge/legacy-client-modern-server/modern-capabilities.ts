// Translates the capabilities that a client with sessions declares to a revision without sessions.
import type { ClientCapabilities } from "../envelope.ts";

/** Drops the members that mean something else there. @param capabilities as the client wrote them */
export function modernCapabilities(capabilities: unknown): ClientCapabilities {
  if (typeof capabilities !== "object" || capabilities === null) return {};
  const { tasks: _, roots, ...rest } = capabilities as Record<string, unknown>;
  return { ...rest, ...(roots !== undefined && { roots: {} }) };
}
