// Where a store is, as it is written behind --store: the one place that knows the spellings.
import { resolve } from "node:path";

export type StoreLocation = { kind: "memory" } | { kind: "file"; path: string };

export const STORE_HINT = 'Use "memory" or the path of a file.';
const MEMORY = "memory";
const URL_SCHEME = /^[a-z][a-z\d+.-]*:\/\//i;

/** @returns the same in full, so that it means the same from every folder; undefined when it names no store */
export function resolveStoreLocation(where: string, folder: string): string | undefined {
  if (where === MEMORY) return where;
  if (where === "" || where === ":memory:" || where.includes("\0") || URL_SCHEME.test(where))
    return undefined;
  return resolve(folder, where);
}

/** @param where in full */
export function parseStoreLocation(where: string): StoreLocation {
  return where === MEMORY ? { kind: "memory" } : { kind: "file", path: where };
}
