// Chooses the pair by the client's kind and the server's.
import type {
  AdapterOptions,
  Era,
  SessionAdapter,
  StatelessAdapter,
  StatelessAdapterOptions,
} from "./adapter.ts";
import { createLegacyOnLegacy } from "./legacy-client-legacy-server/legacy-client-legacy-server.ts";
import { createLegacyOnModern } from "./legacy-client-modern-server/legacy-client-modern-server.ts";
import { createModernOnLegacy } from "./modern-client-legacy-server/modern-client-legacy-server.ts";
import { createModernOnModern } from "./modern-client-modern-server/modern-client-modern-server.ts";

interface Pairs {
  legacyClient: Readonly<Record<Era, (options: AdapterOptions) => SessionAdapter>>;
  modernClient: Readonly<Record<Era, (options: StatelessAdapterOptions) => StatelessAdapter>>;
}

/** By the client's kind, then by the era of the server. */
export const PAIRS: Pairs = {
  legacyClient: { legacy: createLegacyOnLegacy, modern: createLegacyOnModern },
  modernClient: { legacy: createModernOnLegacy, modern: createModernOnModern },
};
