// Slows down guessing at the approval page, for every way to sign in: many attempts from one place or at one account must
// wait (OAuth 2.1 §7.6), but a stranger must never lock the owner out.
import { groupSource } from "../limits/source.ts";
import { createThrottle, type Throttle } from "../limits/throttle.ts";
import type { SignIn, SignInOutcome } from "./sign-in.ts";

const WINDOW_MS = 10 * 60_000;
const ATTEMPTS_PER_SOURCE = 10;
/**
 * Beyond this an account is being guessed from many places at once. Then each source has a single attempt, so that the
 * owner, who has not failed before, still gets in, and guessing is slow.
 */
const CALM_ATTEMPTS_PER_ACCOUNT = 50;
/** No more than this from all sources together: it takes hundreds of them to lock an owner out. */
const ATTEMPTS_PER_ACCOUNT = 1000;
/** How many attempts may be under way at once. */
const MAX_WAITING = 20;
const MAX_KNOWN = 1000;

/** The limits that one attempt counts against. */
interface Counts {
  count(): void;
  forgive(): void;
  /** For an attempt that goes on at another site: it is not a guess at the account. */
  forgiveAccount(): void;
}

/** The same way to sign in, with a limit on attempts. */
export function limitAttempts(signIn: SignIn, { now }: { now: () => number }): SignIn {
  const limits = createLimits(now);
  const known = createKnownBrowsers();
  let waiting = 0;

  function verifyInLine(...[form, attempt]: Parameters<SignIn["verify"]>): Promise<SignInOutcome> {
    waiting += 1;
    return signIn.verify(form, attempt).finally(() => (waiting -= 1));
  }

  function settle(outcome: SignInOutcome, counts: Counts, browserAccount: string): SignInOutcome {
    switch (outcome.kind) {
      case "ok":
        counts.forgive();
        known.add(browserAccount);
        return outcome;
      case "redirect":
        counts.forgiveAccount();
        return {
          ...outcome,
          resume: async (request) => settle(await outcome.resume(request), counts, browserAccount),
        };
      case "wrong":
      case "wait":
        return outcome;
    }
  }

  return {
    ...signIn,
    async verify(form, attempt) {
      const verified = signIn.isGuessable ? undefined : await signIn.verify(form, attempt);
      if (verified?.kind === "ok") return verified;
      const account = signIn.accountOf(form);
      const browserAccount = JSON.stringify([attempt.browser, account]);
      const isKnown = known.has(browserAccount);
      const source = groupSource(attempt.address);
      const wait = isKnown ? limits.waitOfKnown(browserAccount) : limits.waitOf(source, account);
      const retryAfter = wait === 0 && !isKnown && waiting >= MAX_WAITING ? 1000 : wait;
      if (retryAfter > 0) return { kind: "wait", retryAfter };
      const counts = isKnown ? limits.countsOfKnown(browserAccount) : limits.countsOf(source, account);
      // Counted before the slow part, so that many at once cannot slip through.
      counts.count();
      return settle(verified ?? (await verifyInLine(form, attempt)), counts, browserAccount);
    },
  };
}

function createLimits(now: () => number) {
  const createCounter = (limit: number) => createThrottle({ limit, windowMs: WINDOW_MS, now });
  const bySource = createCounter(ATTEMPTS_PER_SOURCE);
  const firstBySource = createCounter(1);
  const byAccount = createCounter(ATTEMPTS_PER_ACCOUNT);
  const calmByAccount = createCounter(CALM_ATTEMPTS_PER_ACCOUNT);
  const byKnownBrowser = createCounter(ATTEMPTS_PER_SOURCE);
  return {
    waitOf(source: string, account: string): number {
      const isAttacked = calmByAccount.waitOf(account) > 0;
      const throttle = isAttacked ? firstBySource : bySource;
      return Math.max(throttle.waitOf(source), byAccount.waitOf(account));
    },
    waitOfKnown: (browserAccount: string) => byKnownBrowser.waitOf(browserAccount),
    countsOf: (source: string, account: string): Counts =>
      createCounts(
        [
          [bySource, source],
          [firstBySource, source],
        ],
        [
          [byAccount, account],
          [calmByAccount, account],
        ],
      ),
    /** A browser that has signed in to the account before is counted by itself: others do not use up its limit, at any address. */
    countsOfKnown: (browserAccount: string) => createCounts([[byKnownBrowser, browserAccount]], []),
  };
}

type Count = readonly [throttle: Throttle, key: string];

function createCounts(ofSource: readonly Count[], ofAccount: readonly Count[]): Counts {
  let open = [...ofSource, ...ofAccount];
  const forgive = (counts: readonly Count[]) => {
    for (const [throttle, key] of counts) throttle.forgive(key);
    open = open.filter((count) => !counts.includes(count));
  };
  return {
    count() {
      for (const [throttle, key] of open) throttle.count(key);
    },
    forgive: () => forgive(open),
    forgiveAccount: () => forgive(open.filter((count) => ofAccount.includes(count))),
  };
}

/** Browsers with the account they have signed in to, the latest of them. */
function createKnownBrowsers() {
  const known = new Set<string>();
  return {
    has: (browserAccount: string) => known.has(browserAccount),
    add(browserAccount: string) {
      known.delete(browserAccount);
      known.add(browserAccount);
      const [oldest] = known;
      if (known.size > MAX_KNOWN && oldest !== undefined) known.delete(oldest);
    },
  };
}
