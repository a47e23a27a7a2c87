// Opens the store that --store names. A new kind of store is a spelling in location.ts and a case here.
import { existsSync } from "node:fs";
import { UserError } from "../errors.ts";
import { parseStoreLocation } from "./location.ts";
import { openSqliteStore } from "./sqlite/sqlite-store.ts";
import type { Later, Store } from "./store.ts";

export { refuseStore } from "./unusable-store.ts";

/** @throws {UserError} with exit code 1 when the store cannot be used */
export function openStore(where: string): Later<Store> {
  const location = parseStoreLocation(where);
  switch (location.kind) {
    case "memory":
      return openSqliteStore(":memory:");
    case "file":
      return openSqliteStore(location.path);
  }
}

/** For looking at what a server has stored. @throws {UserError} when there is nothing to look at */
export function openExistingStore(where: string): Later<Store> {
  const location = parseStoreLocation(where);
  if (location.kind === "memory")
    throw new UserError(
      'A store in "memory" ends with its server.',
      "Name the file of the server you mean with --store.",
    );
  if (!existsSync(location.path))
    throw new UserError(
      `There is no store "${where}" yet.`,
      "A server creates it when it first runs; --store names another one.",
    );
  return openStore(where);
}
