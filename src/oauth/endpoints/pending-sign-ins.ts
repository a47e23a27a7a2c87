// Approvals that wait while the person signs in at another site. Each is known by a secret `state`, belongs to the browser it
// was begun in, and can be taken up once (RFC 9700 §4.7; MCP security best practices, "Confused Deputy").
import type { SignInOutcome } from "../sign-in/sign-in.ts";
import type { Parameters } from "../wire/parameters.ts";

export interface PendingSignIn {
  /** The browser's. */
  mark: string;
  /** The network it was begun from. */
  network: string;
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
/** Of too many, those of the network with the most go first, so that a crowd drives out no one else; of those, the oldest. */
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
      if (byState.size > MAX_PENDING) byState.delete(findOldestOfCrowd(byState));
    },
    take(state, mark) {
      const pending = byState.get(state);
      if (pending === undefined || pending.mark !== mark) return undefined;
      byState.delete(state);
      return pending.expiresAt > now() ? pending : undefined;
    },
  };
}

function findOldestOfCrowd(byState: ReadonlyMap<string, PendingSignIn>): string {
  const crowds = new Map<string, { count: number; oldest: string }>();
  for (const [state, { network }] of byState) {
    const crowd = crowds.get(network) ?? { count: 0, oldest: state };
    crowd.count += 1;
    crowds.set(network, crowd);
  }
  const [largest] = [...crowds.values()].toSorted((one, other) => other.count - one.count);
  return largest?.oldest ?? "";
}
