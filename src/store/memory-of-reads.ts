// Remembers what was read of the database for as long as nobody has changed it, whether this connection or
// another process: asking for that costs a tenth of reading a row again.
// https://www.sqlite.org/pragma.html#pragma_data_version counts the changes of others,
// https://www.sqlite.org/lang_corefunc.html#total_changes our own.
import type { Database } from "bun:sqlite";

/** The most rows that are remembered; then all are forgotten. */
const LIMIT = 1_000;

/**
 * @param read finds what belongs to a key; what it does not find is not remembered
 * @returns does the same, without the database where it can
 */
export function rememberReads<Value>(
  db: Database,
  read: (key: string) => Value | undefined,
): (key: string) => Value | undefined {
  const countOthers = db.prepare<{ data_version: number }, []>("PRAGMA data_version");
  const countOwn = db.prepare<{ count: number }, []>("SELECT total_changes() AS count");
  const memory = new Map<string, Value>();
  let seen = "";
  return (key) => {
    const state = `${countOthers.get()?.data_version} ${countOwn.get()?.count}`;
    if (state !== seen || memory.size >= LIMIT) memory.clear();
    seen = state;
    const known = memory.get(key);
    if (known !== undefined) return known;
    const found = read(key);
    if (found !== undefined) memory.set(key, found);
    return found;
  };
}
