// Approvals that wait while the person signs in at another site. Each is known by a secret `state`, belongs to the browser it
// was begun in, and can be taken up once (RFC 9700 §4.7; MCP security best practices, "Confused Deputy").
import type { SignInOutcome } from "../sign-in/sign-in.ts";
import type { Parameters } from "../wire/parameters.ts";

export interface PendingSignIn {
  /** The browser's. */
  mark: string;
  /** The authorization request. */
  query: string;
  /** The choices made on the approval page, and nothing else of its form. */
  form: Parameters;
  resume(request: Request): Promise<SignInOutcome>;
}

export interface PendingSignIns {
  add(state: string, pending: PendingSignIn): void;
  /** @returns undefined for another browser's, one that took too long, or one that was taken up before */
  take(state: string, mark: string): PendingSignIn | undefined;
}

const LIFETIME_MS = 10 * 60_000;
/** A flood of new ones drops the oldest; one source can begin no more than attempts.ts lets it. */
const MAX_PENDING = 1000;

export function createPendingSignIns({ now }: { now: () => number }): PendingSignIns {
  const byState = new Map<string, PendingSignIn & { expiresAt: number }>();
  /** All wait equally long, so the first to end stand first. */
  const dropEnded = () => {
    for (const [state, { expiresAt }] of byState) {
      if (expiresAt > now()) return;
      byState.delete(state);
    }
  };
  return {
    add(state, pending) {
      dropEnded();
      byState.set(state, { ...pending, expiresAt: now() + LIFETIME_MS });
      const [oldest] = byState.keys();
      if (byState.size > MAX_PENDING && oldest !== undefined) byState.delete(oldest);
    },
    take(state, mark) {
      const pending = byState.get(state);
      if (pending === undefined || pending.mark !== mark) return undefined;
      byState.delete(state);
      return pending.expiresAt > now() ? pending : undefined;
    },
  };
}
