// A message means the same to every reader, or it is none.
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { readMessages, rawParam, spanText, stringParam, type Message } from "../../src/frame/message.ts";
import { isMethod, SERVER_MESSAGE } from "../../src/frame/names.ts";
import { META } from "../../src/mcp/meta.ts";
import { BUDGET } from "../fuzz/budget.ts";
import { parseTree, READERS, scalar, type Reader } from "./readers.ts";

const RUNS = { numRuns: BUDGET.numRuns * 10 };

/** What is judged of a message; nothing by a name of MCP's methods in those of others. A null says as little as nothing. */
type Judged = Record<
  "id" | "method" | "name" | "progressToken" | "requestId" | "version" | "outcome",
  unknown
>;

function judge(message: Message): Judged {
  const parse = (text: string | undefined) =>
    text === undefined ? undefined : (JSON.parse(text) as unknown);
  const plain = (text: string | undefined) => {
    const value = parse(text);
    return typeof value === "object" && value !== null ? undefined : value;
  };
  const isOurs = isMethod(message.method);
  return {
    id: plain(message.id || undefined),
    method: message.method || undefined,
    name: isOurs ? stringParam(message, "name") : undefined,
    progressToken: plain(rawParam(message, "_meta", "progressToken")) ?? undefined,
    requestId: isOurs ? (plain(rawParam(message, "requestId")) ?? undefined) : undefined,
    version: stringParam(message, "_meta", META.version),
    outcome: plain(spanText(message.bytes, message.resultAt)),
  };
}

function judgeAs(read: Reader, text: string): Judged {
  const root = parseTree(text);
  const params = read(root, "params");
  const meta = read(params, "_meta");
  const string = (value: unknown) => (typeof value === "string" ? value : undefined);
  const method = scalar(read(root, "method"));
  const isOurs = isMethod(String(method));
  return {
    id: scalar(read(root, "id")),
    method,
    name: isOurs ? string(scalar(read(params, "name"))) : undefined,
    progressToken: scalar(read(meta, "progressToken")) ?? undefined,
    requestId: isOurs ? (scalar(read(params, "requestId")) ?? undefined) : undefined,
    version: string(scalar(read(meta, META.version))),
    outcome: scalar(read(root, "result")),
  };
}

/** A name as it is, or changed so that some readers take it for what it was. */
const disguised = (name: string) =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constant(name) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.nat(name.length - 1), fc.constantFrom("case", "ſ", "K", "_", "no _", "\0"))
        .map(([at, how]) => {
          const letter = name[at]!;
          const upper = letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
          if (how === "_") return `${name.slice(0, at)}_${name.slice(at)}`;
          if (how === "no _") return name.replace("_", "");
          if (how === "\0") return `${name}\0${letter}`;
          if (how === "ſ") return name.replace("s", "\u017f");
          if (how === "K") return name.replace("k", "\u212a");
          return name.slice(0, at) + upper + name.slice(at + 1);
        }),
    },
  );
const foreign = fc.constantFrom(
  "vendor",
  "x-extra",
  "identity",
  "names",
  "metà",
  "\ufeffid",
  "ıd2",
  "toString",
  "__proto__",
);
const small = fc.constantFrom(
  "1",
  "7",
  "7.0",
  "7e0",
  "-0",
  '"7"',
  '"tools/call"',
  '"ping"',
  '"\\u0061"',
  "null",
);

/** Members in any order, some of them twice, with keys written in escapes or not. */
const object = (members: Readonly<Record<string, fc.Arbitrary<string>>>) => {
  const known = Object.entries(members).map(([name, value]) => fc.tuple(disguised(name), value));
  const one = fc.oneof(
    { weight: 5, arbitrary: fc.oneof(...known) },
    { weight: 1, arbitrary: fc.tuple(foreign, small) },
  );
  const key = fc.tuple(fc.boolean(), fc.nat(30));
  return fc.array(fc.tuple(one, key), { maxLength: 5 }).map((list) => {
    const written = list.map(
      ([[name, value], [escapes, at]]) => `${writeKey(name, escapes ? at : -1)}:${value}`,
    );
    return `{${written.join(",")}}`;
  });
};

function writeKey(name: string, escaped: number): string {
  const text = JSON.stringify(name).slice(1, -1);
  if (escaped < 0 || escaped >= text.length || text.includes("\\")) return `"${text}"`;
  const code = text.charCodeAt(escaped).toString(16).padStart(4, "0");
  return `"${text.slice(0, escaped)}\\u${code}${text.slice(escaped + 1)}"`;
}

const meta = object({ progressToken: small, [META.version]: fc.constant('"2026-07-28"') });
const params = object({
  name: small,
  requestId: small,
  _meta: meta,
  arguments: fc.constant('{"Name":1,"name":2,"name":3}'),
});
const message = object({
  id: small,
  method: fc.constantFrom('"tools/call"', '"ping"', '"notifications/cancelled"', '"vendor/call"'),
  params,
  result: small,
}).map((text) => text.replace("{", text === "{}" ? '{"jsonrpc":"2.0"' : '{"jsonrpc":"2.0",'));

/** Several that some readers take for `_meta`, with something in them that counts or nothing. */
const metas = fc
  .uniqueArray(fc.constantFrom("_meta", "meta", "_META", "__meta", "_mEta", "_meta\0", "vendor"), {
    maxLength: 3,
  })
  .chain((keys) => {
    const value = fc.constantFrom(
      '{"progressToken":7}',
      '{"progress_token":7}',
      '{"vendor":1,"progressToken":null}',
      `{"${META.version}":"2026-07-28"}`,
      '{"vendor":1}',
      "{}",
      "null",
    );
    return fc.tuple(...keys.map((key) => value.map((text) => `${JSON.stringify(key)}:${text}`)));
  });
const vendorMessage = fc
  .tuple(fc.constantFrom("vendor/call", "tools/call"), metas)
  .map(
    ([method, members]) => `{"jsonrpc":"2.0","id":1,"method":"${method}","params":{${members.join(",")}}}`,
  );

test.each([
  ["a message", message],
  ["_meta", vendorMessage],
])("found 1: what is judged of %s is what every reader reads, or it is refused", (_what, messages) => {
  let accepted = 0;
  fc.assert(
    fc.property(messages, (text) => {
      const reading = readMessages(Buffer.from(text));
      if (!("messages" in reading)) return;
      accepted++;
      const judged = judge(reading.messages[0]);
      for (const [reader, read] of Object.entries(READERS))
        expect([reader, judgeAs(read, text)]).toEqual([reader, judged]);
    }),
    RUNS,
  );
  expect(accepted).toBeGreaterThan(RUNS.numRuns / 50);
});

test("found 1: what no reader takes for another name is never refused for it", () => {
  const word = fc.string({
    unit: fc.constantFrom(...Array.from("abcxyzäßé9.:/")),
    minLength: 1,
    maxLength: 4,
  });
  const key = word.map((text) => `x${text}`);
  fc.assert(
    fc.property(fc.dictionary(key, fc.jsonValue()), fc.dictionary(key, fc.jsonValue()), (top, inner) => {
      const text = JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method: "m",
        params: { ...inner, _meta: inner },
        ...top,
      });
      expect(readMessages(Buffer.from(text))).toMatchObject({ batch: false });
    }),
    BUDGET,
  );
});

const read = (text: string) => readMessages(Buffer.from(text));
const call = (params: string, more = "") =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}${more}}`;
const vendor = (params: string, more = "") =>
  `{"jsonrpc":"2.0","id":1,"method":"vendor/ask","params":${params}${more}}`;

describe("found 1: in doubt it is no message:", () => {
  test.each([
    ['{"jsonrpc":"2.0","id":1,"method":"prompts/list","Method":"tools/call"}', '"Method" for "method"'],
    ['{"jsonrpc":"2.0","id":1,"method":"prompts/list","\\u004dethod":"tools/call"}', '"Method" for "method"'],
    ['{"jsonrpc":"2.0","id":1,"METHOD":"tools/call","method":"prompts/list"}', '"METHOD" for "method"'],
    ['{"jsonrpc":"2.0","id":1,"ID":7,"method":"ping"}', '"ID" for "id"'],
    ['{"jsonrpc":"2.0","ıd":7,"method":"ping"}', '"ıd" for "id"'],
    ['{"jsonrpc":"2.0","id":1,"id":7,"method":"ping"}', '"id" stands twice'],
    ['{"jsonrpc":"2.0","id":1,"method":"ping","x":1,"x":2}', '"x" stands twice'],
    ['{"jsonrpc":"2.0","id":1,"result":{},"Result":{}}', '"Result" for "result"'],
    [call("{}", ',"paramſ":{}'), '"paramſ" for "params"'],
    [call('{"name":"a","Name":"b"}'), '"Name" for "name"'],
    [call('{"name":"a","name":"b"}'), '"name" stands twice'],
    [call('{"name":"a","name\\u0000":"b"}'), '"name\\u0000" for "name"'],
    [call('{"Name":"b"}'), '"Name" for "name"'],
    [call('{"name":"a","_META":{}}'), '"_META" for "_meta"'],
    [call('{"name":"a","meta":{}}'), '"meta" for "_meta"'],
    [call('{"name":"a","request_id":7}'), '"request_id" for "requestId"'],
    [call('{"name":"a","_meta":{"progressToKen":7}}'), '"progressToKen" for "progressToken"'],
    [call('{"name":"a","_meta":{"progressToken":1,"progressToken":7}}'), '"progressToken" stands twice'],
    [
      call('{"name":"a","_meta":{"IO.modelcontextprotocol/protocolVersion":"x"}}'),
      '"IO.modelcontextprotocol/',
    ],
    [call('{"capabilities":{"roots":{},"roots":null}}'), '"roots" stands twice'],
    [call('{"capabilities":{"sampling":null,"Sampling":{}}}'), '"Sampling" for "sampling"'],
    [call(`{"_meta":{"${META.capabilities}":{"elicitation":{"url":{},"URL":{}}}}}`), '"URL" for "url"'],
    [call('["delete_everything"]'), "params stand by position"],
    [call('{"name":"a","_meta":[1]}'), "_meta is not an object"],
    [call('{"name":"a","_meta":"{}"}'), "_meta is not an object"],
    [call(`{${Array.from({ length: 10_001 }, (_, index) => `"x${index}":0`).join(",")}}`), "more than 10000"],
    [call('{"name":null,"Name":null}'), '"Name" for "name"'],
    [call('{"_meta":{"progressToken":1},"meta":null}'), '"meta" for "_meta"'],
    [vendor('{"meta":{"progressToken":7}}'), '"meta" for "_meta"'],
    [vendor('{"meta":{"progress_token":7}}'), '"meta" for "_meta"'],
    [vendor('{"_META":null,"_meta":{"progressToken":7}}'), '"_META" for "_meta"'],
    [vendor(`{"__meta":{"${META.version}":"2026-07-28"}}`), '"__meta" for "_meta"'],
    [vendor('{"_meta":{"progressToKen":7}}'), '"progressToKen" for "progressToken"'],
    [vendor('{"requestState":"a","request_state":"b"}'), '"request_state" for "requestState"'],
    [vendor('{"x":1,"x":2}'), '"x" stands twice'],
    [vendor('{"_meta":[1]}'), "_meta is not an object"],
    [vendor('{"Name":1}', ',"Method":"tools/call"'), '"Method" for "method"'],
    ['{"jsonrpc":"2.0","id":1,"method":"Tools/Call"}', '"Tools/Call" for "tools/call"'],
    ['{"jsonrpc":"2.0","id":1,"method":"tools/call\\u0000"}', "cannot be shown"],
    ['{"jsonrpc":"2.0","id":1,"method":"tools/call\\ud800"}', "cannot be shown"],
  ])("%s", (text, doubt) => {
    const reading = read(text);
    expect(reading).toMatchObject({ fault: "ambiguous", doubt: expect.stringContaining(doubt) });
    expect(read(`[{"jsonrpc":"2.0","id":1,"method":"ping"},${text}]`)).toMatchObject({ fault: "ambiguous" });
  });
});

test.each([
  call('{"name":"a","arguments":{"Name":1,"name":2,"name":3,"METHOD":4}}'),
  call('{"name":"a","names":1,"vendor_name":2,"Vendor":3,"_meta":{"Vendor/x":1,"vendor/X":2}}'),
  call("[]"),
  call(" [ ] "),
  call('{"name":"a","_meta":null}'),
  call('{"name":"a","_meta":[ ]}'),
  '{"jsonrpc":"2.0","id":1,"method":"Vendor/Thing","params":{"Thing":1}}',
  call('{"name":"a","arguments":{},"meta":null,"request_state":null}'),
  call('{"capabilities":{"experimental":{"Roots":{},"roots":{}},"Roots":{},"Sampling":{"Tools":{}}}}'),
  '{"jsonrpc":"2.0","method":"notifications/claude/channel/permission_request","params":{"request_id":"abcde","tool_name":"Bash"}}',
  vendor('{"Name":1,"name":2,"URI":1,"Level":1,"task_id":1,"progress_token":1,"Arguments":1,"Message":1}'),
  vendor('{"meta":{"a":1}}'),
  vendor('{"meta":{"a":1},"_meta":{"vendor/x":1}}'),
  vendor("[1]"),
  '{"jsonrpc":"2.0","method":"$/vendor","params":[1]}',
  '{"jsonrpc":"2.0","id":1,"result":{"next_cursor":"x","nextCursor":"y","Tools":[],"tools":[]}}',
  '{"jsonrpc":"2.0","id":1,"result":{"Name":1,"meta":{},"_meta":{},"next":1,"content":[{"Text":1}]}}',
])("found 1: nobody doubts %s", (text) => expect(read(text)).toMatchObject({ batch: false }));

describe("found 1: what some readers forgive is no message:", () => {
  const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  test.each([
    `\ufeff${ping}`,
    `${ping},`,
    `${ping}${ping}`,
    `${ping}\u0000`,
    `${ping}//`,
    `[[${ping}]]`,
    `[${ping},]`,
    `[${ping},[${ping}]]`,
    '{"jsonrpc":"2.0","id":1,"method":"ping",}',
    '{"jsonrpc":"2.0","id":NaN,"method":"ping"}',
    '{"jsonrpc":"2.0","id":0x1,"method":"ping"}',
    '{"jsonrpc":"2.0","id":01,"method":"ping"}',
    '{"jsonrpc":"2.0","id":null,"method":"ping"}',
    '{"jsonrpc":"2.0","id":[1],"method":"ping"}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":null}',
    '{"jsonrpc":"2.0","id":1,"method":["ping"]}',
    '{"jsonrpc":"2\\u002e0","id":1,"method":"ping"}',
    '{"jsonrpc":2.0,"id":1,"method":"ping"}',
    `{"jsonrpc":"2.0",\u2028"id":1,"method":"ping"}`,
    `{"jsonrpc":"2.0",\u0085"id":1,"method":"ping"}`,
    "{'jsonrpc':'2.0','id':1,'method':'ping'}",
    '{jsonrpc:"2.0",id:1,method:"ping"}',
    '+AHs-"jsonrpc":"2.0","id":1,"method":"ping"}',
  ])("%j", (text) => expect(read(text)).toHaveProperty("fault"));

  test("another encoding", () => {
    expect(readMessages(Buffer.from(ping, "utf16le"))).toHaveProperty("fault");
  });
});

test("found 1: of a server's message only that is doubted from which something is decided", () => {
  const log = (params: string) => `{"jsonrpc":"2.0","method":"notifications/message","params":${params}}`;
  const fromServer = (text: string) => readMessages(Buffer.from(text), SERVER_MESSAGE);
  const sound = log(
    '{"level":"info","Data":1,"meta":{},"_meta":{"Vendor":1,"ProgressToken":1},"Message":""}',
  );
  expect(fromServer(sound)).toMatchObject({ batch: false });
  const one = (key: string, value: unknown) => JSON.stringify({ [key]: value });
  const loud = [
    '{"level":"info","Level":"error"}',
    '{"progressToken":2,"progress_token":1}',
    '{"level":"info","level":"error"}',
    `{"_meta":${one(META.subscription, 1)},"_META":{}}`,
    `{"_META":${one(META.subscription, 1)}}`,
    `{"_meta":${one(META.subscription.toUpperCase(), 1)}}`,
  ];
  for (const params of loud) expect(fromServer(log(params))).toMatchObject({ fault: "ambiguous" });
  for (const result of ['{"tools":[],"Tools":[]}', '{"resultType":"complete","result_type":"x"}'])
    expect(fromServer(`{"jsonrpc":"2.0","id":1,"result":${result}}`)).toMatchObject({ fault: "ambiguous" });
  for (const result of [
    '{"content":[],"next_cursor":"x"}',
    '{"result_type":"x"}',
    '{"content":[],"Tools":1}',
  ])
    expect(fromServer(`{"jsonrpc":"2.0","id":1,"result":${result}}`)).toMatchObject({ batch: false });
  const permission = '{"jsonrpc":"2.0","method":"notifications/claude/channel/permission","params":';
  for (const params of ['{"request_id":"a"}', '{"request_id":"a","requestId":"b"}', "[1]"])
    expect(fromServer(`${permission}${params}}`)).toMatchObject({ batch: false });
});

test("found 1: answers and questions that are lost with what is in doubt are named, so that nobody waits for them", () => {
  const answers = ['{"jsonrpc":"2.0","id":3,"result":{}}', '{"jsonrpc":"2.0","id":4,"ID":5,"result":{}}'];
  expect(read(answers[1]!)).toMatchObject({ answered: ["4"] });
  expect(read(`[${answers.join(",")}]`)).toMatchObject({ fault: "ambiguous", answered: ["3", "4"] });
  const question = '{"jsonrpc":"2.0","id":"q","ID":5,"method":"ping"}';
  expect(read(question)).toMatchObject({ answered: [], asked: ['"q"'] });
  const all = [...answers, question, '{"jsonrpc":"2.0","id":6,"method":"ping"}'];
  expect(read(`[${all.join(",")}]`)).toMatchObject({ answered: ["3", "4"], asked: ["6", '"q"'] });
});
