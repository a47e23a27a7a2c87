// Keeps what was read of the database until something changes it, be it this connection or another process. To ask for
// our own changes costs nothing. To ask for those of others takes two locks of the file, most of the cost of checking
// a token, so that happens once in a turn of the event loop: requests that arrive together see the same state.
// https://www.sqlite.org/pragma.html#pragma_data_version counts the changes of others,
// https://www.sqlite.org/lang_corefunc.html#total_changes our own.
import type { Database } from "bun:sqlite";

/** The most rows that are kept; one more, and all are dropped. */
const LIMIT = 1_000;

/**
 * @param read finds what belongs to a key; what it does not find is not kept
 * @returns does the same, without the database where it can
 */
export function createReadCache<Value>(
  db: Database,
  read: (key: string) => Value | undefined,
): (key: string) => Value | undefined {
  const countOthers = db.prepare<{ data_version: number }, []>("PRAGMA data_version");
  const countOwn = db.prepare<{ count: number }, []>("SELECT total_changes() AS count");
  const memory = new Map<string, Value>();
  let others: number | undefined;
  let own: number | undefined;
  let isAsked = false;

  const forgetChanged = () => {
    const ownNow = countOwn.get()?.count;
    let othersNow = others;
    if (!isAsked) {
      othersNow = countOthers.get()?.data_version;
      isAsked = true;
      setImmediate(() => (isAsked = false));
    }
    if (ownNow !== own || othersNow !== others || memory.size >= LIMIT) memory.clear();
    own = ownNow;
    others = othersNow;
  };

  return (key) => {
    forgetChanged();
    const known = memory.get(key);
    if (known !== undefined) return known;
    const found = read(key);
    if (found !== undefined) memory.set(key, found);
    return found;
  };
}
