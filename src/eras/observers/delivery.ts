// Runs the functions of observers so that they can neither slow nor break what they observe: in a turn of the event
// loop of their own, behind the answers of this one, and with their errors caught.
import { messageOf } from "../../errors.ts";

/** As far as it is looked at here. */
interface ObserverPace {
  readonly isPrompt?: boolean;
}

/** A function of an observer's or of its span's. Given with what it is called on, since a closure for it costs every call. */
type Hearer<On, Fact, Result> = (this: On, fact: Fact) => Result;

export interface Delivery {
  /** Calls `hear` now. @returns undefined when it throws */
  run<On, Fact, Result>(
    observer: object,
    on: On,
    hear: Hearer<On, Fact, Result>,
    fact: Fact,
  ): Result | undefined;
  /** Calls `hear` in the next turn, in the order of the calls; for a prompt observer now. */
  queue<On, Fact>(observer: ObserverPace, on: On, hear: Hearer<On, Fact, void>, fact: Fact): void;
  /** Calls at once what is queued. */
  flush(): void;
}

/** @param warn called once for an observer that throws */
export function createDelivery(warn: (line: string) => void): Delivery {
  let queued: (() => void)[] = [];
  const reported = new WeakSet<object>();

  const report = (observer: object, thrown: unknown) => {
    if (reported.has(observer)) return;
    reported.add(observer);
    warn(`An observer of calls has failed; this is reported once: ${messageOf(thrown)}`);
  };
  const run: Delivery["run"] = (observer, on, hear, fact) => {
    try {
      const returned = hear.call(on, fact);
      // The types allow an async function; its error would end the program.
      if (returned instanceof Promise) returned.catch((thrown: unknown) => report(observer, thrown));
      return returned;
    } catch (thrown) {
      report(observer, thrown);
      return undefined;
    }
  };
  const flush = () => {
    const all = queued;
    queued = [];
    for (const deliver of all) deliver();
  };

  return {
    run,
    queue(observer, on, hear, fact) {
      if (observer.isPrompt) return run(observer, on, hear, fact);
      if (queued.push(() => run(observer, on, hear, fact)) === 1) setImmediate(flush);
    },
    flush,
  };
}
