// The store of a run. There always is one: where no one signs in, and with `--store memory`, it ends with the run.
import type { Run } from "./run-context.ts";
import { openStore } from "../store/open.ts";
import type { Store } from "../store/store.ts";

/** @throws {UserError} exit code 1: the store cannot be used */
export function openRunStore({ config, lifecycle }: Run): Promise<Store> {
  const where = config.auth === "none" ? "memory" : config.store;
  return lifecycle.open(
    "the store",
    () => openStore(where),
    (opened) => opened.close(),
  );
}
