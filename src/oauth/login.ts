// Decides whether the person at the approval page is one who may approve: a pasted token, or a name and a password.
// Says neither by words nor by time whether a name exists; many tries from one place or at one account must wait
// (OAuth 2.1 §7.6). Argon2id is heavy on purpose, so only a few checks run at once.
import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Parameters } from "./parameters.ts";
import { isSameSecret } from "./secrets.ts";
import { createThrottle, groupSource } from "./throttle.ts";

export type Credential =
  | { kind: "token"; token: string }
  | { kind: "password"; users: readonly { name: string; passwordHash: string }[] };

export type LoginOutcome =
  | { kind: "ok"; subject: string }
  | { kind: "wrong" }
  /** `retryAfter` in milliseconds. */
  | { kind: "throttled"; retryAfter: number };

/** @param source the connecting address */
export type Login = (form: Parameters, source: string) => Promise<LoginOutcome>;

export interface LoginOptions {
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
const MAX_NAME = 200;
/** Who approves where a token is pasted: nobody has a name there. */
const OWNER = "owner";

export function createLogin({ credential, now, log }: LoginOptions): Login {
  const bySource = createThrottle({ limit: TRIES_PER_SOURCE, windowMs: WINDOW_MS, now });
  const firstBySource = createThrottle({ limit: 1, windowMs: WINDOW_MS, now });
  const byAccount = createThrottle({ limit: TRIES_PER_ACCOUNT, windowMs: WINDOW_MS, now });
  const calmByAccount = createThrottle({ limit: CALM_TRIES_PER_ACCOUNT, windowMs: WINDOW_MS, now });
  const takeTurn = createTurns(CHECKS_AT_ONCE);
  let waiting = 0;

  const check = (form: Parameters): Promise<string | undefined> =>
    credential.kind === "token"
      ? Promise.resolve(isSameSecret(form.get("token")?.trim() ?? "", credential.token) ? OWNER : undefined)
      : takeTurn(() => checkPassword(credential.users, form, log));

  function findWait(source: string, account: string): number {
    const isAttacked = calmByAccount.waitOf(account) > 0;
    const throttle = isAttacked ? firstBySource : bySource;
    return Math.max(throttle.waitOf(source), byAccount.waitOf(account));
  }

  return async (form, address) => {
    const source = groupSource(address);
    const account = credential.kind === "token" ? OWNER : (form.get("username") ?? "").slice(0, MAX_NAME);
    const retryAfter = findWait(source, account);
    if (retryAfter > 0) return { kind: "throttled", retryAfter };
    if (waiting >= MAX_WAITING) return { kind: "throttled", retryAfter: 1000 };
    for (const throttle of [bySource, firstBySource]) throttle.count(source);
    for (const throttle of [byAccount, calmByAccount]) throttle.count(account);
    waiting += 1;
    const subject = await check(form).finally(() => (waiting -= 1));
    if (subject === undefined) return { kind: "wrong" };
    for (const throttle of [bySource, firstBySource]) throttle.forgive(source);
    for (const throttle of [byAccount, calmByAccount]) throttle.forgive(account);
    return { kind: "ok", subject };
  };
}

/** An unknown name costs as much as a known one: the first user's hash is checked in its place. */
async function checkPassword(
  users: readonly { name: string; passwordHash: string }[],
  form: Parameters,
  log: Log,
): Promise<string | undefined> {
  const name = form.get("username");
  const user = users.find((one) => one.name === name);
  const hash = (user ?? users[0])?.passwordHash;
  if (hash === undefined) return undefined;
  try {
    const isRight = await Bun.password.verify(form.get("password") ?? "", hash);
    return isRight ? user?.name : undefined;
  } catch (thrown) {
    log.error(`The password hash of "${(user ?? users[0])?.name}" cannot be used: ${messageOf(thrown)}`);
    return undefined;
  }
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
