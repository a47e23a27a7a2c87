// A process that asks a store for the ids and keys of many servers as soon as it reads a line. Prints a line when it has
// opened the store, and then what it got.
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";

const [, , where = "", count = "0"] = process.argv;
const store = openSqliteStore(where);
process.stdout.write("open\n");
for await (const _line of console) break;
const known = Array.from({ length: Number(count) }, (_, index) => {
  const mine = `${process.pid} ${index}`;
  const { id } = store.identifyServer({ id: mine, place: String(index), command: "c" });
  const key = store.openKey(String(index), new TextEncoder().encode(mine));
  return { id, key: new TextDecoder().decode(key) };
});
store.close();
process.stdout.write(`${JSON.stringify(known)}\n`);
