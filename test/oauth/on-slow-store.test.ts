// The flows of the authorization server once more, on a store that makes everything wait and answers out of order: what
// was never interrupted on SQLite must hold by the store's operations alone.
import { afterAll, beforeAll } from "bun:test";
import { useSlowStore } from "./harness.ts";

beforeAll(() => useSlowStore(true));
afterAll(() => useSlowStore(false));

const FILES = [
  "flow",
  "identity-site",
  "introspection",
  "moving",
  "registration",
  "resource",
  "signed-client",
  "token",
];
// The query makes it another module, whose tests are this file's.
for (const file of FILES) await import(`./${file}.test.ts?slow`);
