// Runs the functions of observers so that they can neither slow nor break what they observe: in a turn of the event
// loop of their own, behind the answers of this one, and with their errors caught.
import { messageOf } from "../errors.ts";

/** As far as it is looked at here. */
interface ObserverPace {
  readonly isPrompt?: boolean;
}

export interface Delivery {
  /** Runs it now. @returns undefined when it throws */
  run<T>(observer: object, work: () => T): T | undefined;
  /** Runs it in the next turn, in the order of the calls; for a prompt observer now. */
  queue(observer: ObserverPace, work: () => void): void;
  /** Runs at once what is queued. */
  flush(): void;
}

/** @param warn called once for an observer that throws */
export function createDelivery(warn: (line: string) => void): Delivery {
  // Two lists side by side: every call of every client comes through here.
  let observers: object[] = [];
  let works: (() => void)[] = [];
  const reported = new WeakSet<object>();

  const report = (observer: object, thrown: unknown) => {
    if (reported.has(observer)) return;
    reported.add(observer);
    warn(`An observer of calls has failed; this is reported once: ${messageOf(thrown)}`);
  };
  const run = <T>(observer: object, work: () => T): T | undefined => {
    try {
      const returned = work();
      // The types allow an async function; its error would end the program.
      if (returned instanceof Promise) returned.catch((thrown: unknown) => report(observer, thrown));
      return returned;
    } catch (thrown) {
      report(observer, thrown);
      return undefined;
    }
  };
  const flush = () => {
    const [theirs, queued] = [observers, works];
    observers = [];
    works = [];
    for (let index = 0; index < queued.length; index++) run(theirs[index]!, queued[index]!);
  };

  return {
    run,
    queue(observer, work) {
      if (observer.isPrompt) return run(observer, work);
      observers.push(observer);
      if (works.push(work) === 1) setImmediate(flush);
    },
    flush,
  };
}
