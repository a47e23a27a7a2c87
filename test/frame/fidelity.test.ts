// Through the whole program a message stays as it was written, both ways: what the bridge need not
// change reaches the other side byte for byte.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Program } from "../program.ts";
import { expose, openSession, readAnswer, readTexts, type WireSession } from "../eras/wire.ts";

let program: Program;
let session: WireSession;
beforeAll(async () => {
  program = await expose("obedient");
  session = await openSession(program.ready.url);
});
afterAll(async () => void (await program.stop()));

/** JSON that a parser and its printer would not give back as it was. */
const PAYLOADS = [
  '{"float":1.0,"exponent":1E+2,"small":1e-7,"negative":-0,"big":12345678901234567890,"precise":0.1000000000000000055511151231257827}',
  '{"z":1,"a":2,"10":3,"2":4}',
  '{"escaped":"\\u0061\\/\\u00e9\\ud83e\\udd8a","raw":"é🦊","separators":"\u2028\u2029","half":"\\ud83e"}',
  '{"twice":1,"twice":2}',
  '{ "spaces" :\t[ 1 , 2 ] , "empty" : { } }',
  '{"__proto__":{"x":1},"constructor":null,"toString":"x","":""}',
  '{"unknown":{"securitySchemes":[{"type":"oauth2"}],"_meta":{"vendor/x":[]}},"id":7,"jsonrpc":"1.0","method":"m"}',
  `{"deep":${"[".repeat(1000)}${"]".repeat(1000)}}`,
] as const;

/** @param call the rest of the request behind its id */
async function receivedFor(call: string): Promise<string> {
  const { result } = await readAnswer(
    await session.send(`{"jsonrpc":"2.0","id":"an id","method":"tools/call",${call}`),
  );
  return String(result?.["received"]);
}

describe("to the server", () => {
  test.each(PAYLOADS)("%s", async (payload) => {
    // Of what stands twice in `_meta` readers take this or that one, and it is not the tool's own.
    const meta = payload.includes("twice") ? "{}" : payload;
    const rest = `"extra": ${payload},"params":{"name":"echo","arguments":${payload},"_meta":${meta}}}`;
    expect(await receivedFor(rest)).toMatch(/^\{"jsonrpc":"2\.0","id":\d+,"method":"tools\/call",/);
    expect(await receivedFor(rest)).toEndWith(`"tools/call",${rest}`);
  });

  test("line ends between tokens become spaces and nothing more", async () => {
    const rest = '\r\n\t"params" :\n{ "name":"echo" ,\r"arguments":{"text":"a\\nb"}}\n}';
    expect(await receivedFor(rest)).toEndWith(`"tools/call",${rest.replaceAll(/[\r\n]/g, " ")}`);
  });

  test("a notification is not changed at all", async () => {
    const text = `{"params" : ${PAYLOADS[0]}, "method":"notifications/mine","jsonrpc":"2.0"}`;
    await session.send(text);
    expect((await session.call("history")).result?.["history"]).toContain(text);
  });
});

describe("from the server", () => {
  const answerTo = async (reply: string) => {
    const params = { name: "raw", arguments: { reply } };
    return readTexts(await session.send({ jsonrpc: "2.0", id: 77, method: "tools/call", params }));
  };

  test.each(PAYLOADS)("%s", async (payload) => {
    const reply = `{"result":{"content":[],"structuredContent":${payload}},"id": $ID ,"extra":${payload},"jsonrpc":"2.0"}`;
    expect(await answerTo(reply)).toEqual([reply.replace("$ID", "77")]);
  });

  test("an error, with whatever it carries", async () => {
    const reply = `{"jsonrpc":"2.0","id":$ID,"error":{"code":-1.0,"message":"\\u0041","data":${PAYLOADS[0]},"more":[]}}`;
    expect(await answerTo(reply)).toEqual([reply.replace("$ID", "77")]);
  });

  test("a notification that precedes the answer, as one event each", async () => {
    const notification = `{"method":"notifications/message","params":{"level":"info","data":${PAYLOADS[2]}},"jsonrpc":"2.0"}`;
    const reply = '{"jsonrpc":"2.0","id":$ID,"result":{}}';
    expect(await answerTo(`${notification}\n${reply}`)).toEqual([notification, reply.replace("$ID", "77")]);
  });
});
