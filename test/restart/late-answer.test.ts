// A person's answer that comes after a restart: it belongs to a question that is gone, and approves nothing else.
import { expect, setDefaultTimeout, test } from "bun:test";
import { listen, openSession, readHistory } from "../eras/wire.ts";
import { openReplaceable, running } from "./replaceable-server.ts";

setDefaultTimeout(30_000);

test("an answer to the last process's question is none to the next one's", async () => {
  await using server = await openReplaceable(running("fixtures/servers/obedient.ts"));
  const session = await openSession(server.url);
  const ask = async (id: string) =>
    listen(await session.start("ask", { method: "elicitation/create", params: { message: id } }, id));
  const before = await ask("delete-draft");
  const { id: old } = await before.next();
  await server.restart();
  const after = await ask("delete-everything");
  const { id: current } = await after.next();
  expect(current).not.toBe(old);
  await session.send({ jsonrpc: "2.0", id: old, result: { action: "accept", content: {} } });
  await session.send({ jsonrpc: "2.0", id: current, result: { action: "decline" } });
  expect(String((await after.next()).result?.["answeredBy"])).toContain('{"action":"decline"}');
  expect(JSON.stringify(await readHistory(session))).not.toContain('"accept"');
});
