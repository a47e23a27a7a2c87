// What a session has arranged with its server, as the text that the store keeps: the messages byte for byte, since another
// process is told them again.
import type { SessionSetup } from "../../bridge/bridge.ts";
import { readMessages } from "../../frame/message.ts";

/** Bytes of an `initialize`; a session that began with a larger one is not kept. */
const LARGEST_INITIALIZE = 64 * 1024;

interface SetupText {
  initialize: string;
  isInitialized: boolean;
  logLevel?: string | undefined;
  resources: readonly string[];
}

export function isKeepable({ initialize }: SessionSetup): boolean {
  return initialize.bytes.length <= LARGEST_INITIALIZE;
}

export function writeSetup({ initialize, isInitialized, logLevel, resources }: SessionSetup): string {
  const text: SetupText = {
    initialize: Buffer.from(initialize.bytes).toString(),
    isInitialized,
    logLevel,
    resources: [...resources],
  };
  return JSON.stringify(text);
}

/** @returns `undefined` when it is not such a text */
export function readSetup(text: string): SessionSetup | undefined {
  const { initialize, isInitialized, logLevel, resources } = parseObject(text);
  if (typeof initialize !== "string" || typeof isInitialized !== "boolean") return undefined;
  if (logLevel !== undefined && typeof logLevel !== "string") return undefined;
  if (!Array.isArray(resources) || !resources.every((uri) => typeof uri === "string")) return undefined;
  const reading = readMessages(Buffer.from(initialize));
  if ("fault" in reading || reading.batch) return undefined;
  const [message] = reading.messages;
  if (message.kind !== "request" || message.method !== "initialize") return undefined;
  return { initialize: message, isInitialized, logLevel, resources: new Set(resources) };
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
