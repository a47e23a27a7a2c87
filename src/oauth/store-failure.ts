// Handles a store that fails while the program runs: the request that needed it is refused with 503, and the log says
// so once, however many requests and timers fail, until the store works again.
import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Later, Store } from "../store/store.ts";
import { Refusal } from "./failure.ts";

type Operation = (...args: readonly never[]) => unknown;

/** Operations that change something. When one of them works, reading does too; a full disk can still be read. */
const WRITES = new Set<string>([
  "addClient",
  "noteShown",
  "addCode",
  "redeemCode",
  "addAccess",
  "removeAccess",
  "rotateRefresh",
  "useAssertion",
  "noteUses",
  "revokeGrant",
  "revokeAllGrants",
  "revokeUnconfigured",
  "sweep",
] satisfies (keyof Store)[]);

/** @returns the same store, which throws or rejects with a `Refusal` */
export function withFailureReports(store: Store, log: Log): Store {
  const failing = { reads: false, writes: false };

  function fail(name: string, thrown: unknown): never {
    const why = `The store failed (${name}): ${messageOf(thrown)}`;
    if (failing.reads || failing.writes) log.debug(why);
    else
      log.error(
        `${why}. Until it works again, requests that need it are answered with 503. Check that the disk has room, and that the store can be reached and written.`,
      );
    failing[WRITES.has(name) ? "writes" : "reads"] = true;
    throw new Refusal({ kind: "store-failed", why: `${name}: ${messageOf(thrown)}` });
  }
  function succeed(name: string): void {
    if (!failing.reads && !failing.writes) return;
    if (WRITES.has(name)) failing.writes = false;
    failing.reads = false;
    if (!failing.writes) log.info("The store works again.");
  }
  async function settle<T>(name: string, answer: Promise<T>): Promise<T> {
    try {
      const value = await answer;
      succeed(name);
      return value;
    } catch (thrown) {
      return fail(name, thrown);
    }
  }
  const finish = <T>(name: string, answer: Later<T>): Later<T> => {
    if (answer instanceof Promise) return settle(name, answer);
    succeed(name);
    return answer;
  };
  const watch =
    (name: string, operation: Operation) =>
    (...args: readonly never[]) => {
      try {
        return finish(name, operation(...args));
      } catch (thrown) {
        return fail(name, thrown);
      }
    };

  const watched = Object.entries(store).map(([name, operation]) => [
    name,
    watch(name, operation as Operation),
  ]);
  return {
    ...(Object.fromEntries(watched) as Store),
    // Without a list of arguments, since every request asks these.
    findAccess: (hash, now) => {
      try {
        return finish("findAccess", store.findAccess(hash, now));
      } catch (thrown) {
        return fail("findAccess", thrown);
      }
    },
    recallAccess: (hash, now) => {
      try {
        return store.recallAccess(hash, now);
      } catch (thrown) {
        return fail("recallAccess", thrown);
      }
    },
    close: () => store.close(),
  };
}
