// Decides whether the person at the approval page is one who may approve: a pasted token, or a name and a password.
// Says neither by words nor by time whether a name exists; many tries from one place or at one account must wait
// (OAuth 2.1 §7.6), but not so that a stranger can lock the owner out. Argon2id is heavy on purpose, so only a few
// checks run at once.
import type { Log } from "../../log.ts";
import type { Parameters } from "../wire/parameters.ts";
import { createPasswordCheck, type User } from "./password-check.ts";
import { isSameSecret } from "../tokens/secrets.ts";
import { createThrottle, type Throttle } from "../limits/throttle.ts";
import { groupSource } from "../limits/source.ts";

export type Credential =
  /** `isRandom`: too long to be guessed, which only holds for a token of our own making. */
  | { kind: "token"; token: string; isRandom?: true }
  /** `token`: may be pasted in place of a name and a password. */
  | { kind: "password"; users: readonly User[]; token?: string };

export type SignInOutcome =
  | { kind: "ok"; subject: string }
  | { kind: "wrong" }
  /** `retryAfter` in milliseconds. */
  | { kind: "throttled"; retryAfter: number };

/**
 * @param source the connecting address
 * @param browser what tells one browser from all others, and nobody else knows
 */
export type SignIn = (form: Parameters, source: string, browser: string) => Promise<SignInOutcome>;

export interface SignInOptions {
  credential: Credential;
  now: () => number;
  log: Log;
}

const WINDOW_MS = 10 * 60_000;
const TRIES_PER_SOURCE = 10;
/**
 * Beyond this an account is being guessed from many places at once. Then a source gets in a single try, so that the
 * owner, who has not failed before, still does, and guessing goes on at a snail's pace.
 */
const CALM_TRIES_PER_ACCOUNT = 50;
/** No more than this, whoever asks: it takes hundreds of sources to lock an owner out. */
const TRIES_PER_ACCOUNT = 1000;
const CHECKS_AT_ONCE = 2;
const MAX_WAITING = 20;
const MAX_KNOWN = 1000;
const MAX_NAME = 200;
/** Who approves where a token is pasted: nobody has a name there, and no user may have this one. */
export const OWNER = "owner";

/** Who can approve by this credential, and so whose approvals count. */
export function listSubjects(credential: Credential): ReadonlySet<string> {
  const names = credential.kind === "password" ? credential.users.map(({ name }) => name) : [];
  return new Set(credential.token === undefined ? names : [OWNER, ...names]);
}

export function createSignIn({ credential, now, log }: SignInOptions): SignIn {
  const createCounter = (limit: number) => createThrottle({ limit, windowMs: WINDOW_MS, now });
  const bySource = createCounter(TRIES_PER_SOURCE);
  const firstBySource = createCounter(1);
  const byAccount = createCounter(TRIES_PER_ACCOUNT);
  const calmByAccount = createCounter(CALM_TRIES_PER_ACCOUNT);
  const byVisitor = createCounter(TRIES_PER_SOURCE);
  /** Browsers with the account they have signed in to: what others do, under whatever address, is not held against them. */
  const known = new Set<string>();
  const takeTurn = createTurns(CHECKS_AT_ONCE);
  let waiting = 0;

  const readToken = (form: Parameters) => form.get("token")?.trim() ?? "";
  const isToken = (form: Parameters, token: string) => isSameSecret(readToken(form), token);
  const usesToken = (form: Parameters) =>
    credential.kind === "token" || (credential.token !== undefined && readToken(form) !== "");
  const checkPassword = createPasswordCheck(credential.kind === "token" ? [] : credential.users, log);
  const check = (form: Parameters): Promise<string | undefined> =>
    usesToken(form)
      ? Promise.resolve(isToken(form, credential.token ?? "") ? OWNER : undefined)
      : takeTurn(() => checkPassword(form.get("username") ?? "", form.get("password") ?? ""));

  function findWait(source: string, account: string): number {
    const isAttacked = calmByAccount.waitOf(account) > 0;
    const throttle = isAttacked ? firstBySource : bySource;
    const wait = Math.max(throttle.waitOf(source), byAccount.waitOf(account));
    return wait === 0 && waiting >= MAX_WAITING ? 1000 : wait;
  }

  return async (form, address, browser) => {
    // There is no guess to slow down.
    if (credential.kind === "token" && credential.isRandom && isToken(form, credential.token))
      return { kind: "ok", subject: OWNER };
    const source = groupSource(address);
    const account = usesToken(form) ? OWNER : (form.get("username") ?? "").slice(0, MAX_NAME);
    const visitor = JSON.stringify([browser, account]);
    const isKnown = known.has(visitor);
    const retryAfter = isKnown ? byVisitor.waitOf(visitor) : findWait(source, account);
    if (retryAfter > 0) return { kind: "throttled", retryAfter };
    const counts: [Throttle, string][] = isKnown
      ? [[byVisitor, visitor]]
      : [
          [bySource, source],
          [firstBySource, source],
          [byAccount, account],
          [calmByAccount, account],
        ];
    for (const [throttle, key] of counts) throttle.count(key);
    waiting += 1;
    const subject = await check(form).finally(() => (waiting -= 1));
    if (subject === undefined) return { kind: "wrong" };
    for (const [throttle, key] of counts) throttle.forgive(key);
    remember(known, visitor);
    return { kind: "ok", subject };
  };
}

function remember(known: Set<string>, visitor: string): void {
  known.delete(visitor);
  known.add(visitor);
  const [oldest] = known;
  if (known.size > MAX_KNOWN && oldest !== undefined) known.delete(oldest);
}

/** Lets `width` tasks run at once; the others wait in line. */
function createTurns(width: number): <T>(task: () => Promise<T>) => Promise<T> {
  const queue: (() => void)[] = [];
  let running = 0;
  return async (task) => {
    if (running >= width) await new Promise<void>((resolve) => queue.push(resolve));
    else running += 1;
    try {
      return await task();
    } finally {
      const next = queue.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
