// How records become rows and back: lists of scopes and resources are one text each, as on the wire (RFC 6749 §3.3).
import type { Database } from "bun:sqlite";

/** A record as its row has it. */
export type RowOf<T> = { [K in keyof T]: T[K] extends readonly string[] ? string : T[K] };

/** A transaction that takes the write lock at once, so that it cannot fail half-way for want of it. */
export function transaction<A extends unknown[], R>(
  db: Database,
  operation: (...args: A) => R,
): (...args: A) => R {
  const run = db.transaction(operation);
  return (...args) => run.immediate(...args);
}

export function flatten(record: object): Record<string, string | number> {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [key, Array.isArray(value) ? value.join(" ") : value]),
  );
}

interface Lists {
  scopes: string;
  resources: string;
}
type Unflat<T extends Lists> = Omit<T, keyof Lists> & { scopes: string[]; resources: string[] };

export function unflatten<T extends Lists>(row: T): Unflat<T> {
  return { ...row, scopes: row.scopes.split(" "), resources: row.resources.split(" ") };
}
