// Messages that say one thing to us and another to a server that matches names without regard to case (CVE-2026-27896):
// refused in every dialect, and the server never hears of them.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { createFolder, type Folder } from "../cli/process.ts";
import { createStatelessClient, META, REVISION } from "../matrix/stateless-wire.ts";
import { connect, registerClient, TOKEN } from "../oauth/harness.ts";
import { startProgram, type Program } from "../program.ts";
import {
  expose,
  fixture,
  INITIALIZE,
  listen,
  openSession,
  openSseSession,
  post,
  readAnswer,
  readHistory,
  readMessages,
  readTexts,
  until,
  type Headers,
  type Wire,
  type WireSession,
} from "./wire.ts";

setDefaultTimeout(60_000);

const ENVELOPE = JSON.stringify({ [META.version]: REVISION, [META.capabilities]: {} }).slice(1, -1);

/** Requests that are the method and the name of the key to us, and a call of `delete_everything` to others. */
const REQUESTS: readonly { method: string; name?: string; text(meta: string): string }[] = [
  {
    method: "prompts/list",
    text: (meta) =>
      `{"jsonrpc":"2.0","id":1,"method":"prompts/list","params":{"name":"delete_everything",${meta}},"Method":"tools/call"}`,
  },
  {
    method: "prompts/list",
    text: (meta) =>
      `{"jsonrpc":"2.0","id":1,"method":"prompts/list","params":{"name":"delete_everything",${meta}},"m\\u0045thod":"tools/call"}`,
  },
  {
    method: "prompts/list",
    text: (meta) =>
      `{"jsonrpc":"2.0","id":1,"method":"prompts/list","params":{"name":"delete_everything",${meta}},"method":"tools/call"}`,
  },
  {
    method: "prompts/list",
    text: (meta) =>
      `{"jsonrpc":"2.0","id":1,"params":{"name":"delete_everything",${meta}},"METHOD":"tools/call","method":"prompts/list"}`,
  },
  {
    method: "tools/call",
    name: "read_note",
    text: (meta) =>
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_note","Name":"delete_everything",${meta}}}`,
  },
  {
    method: "tools/call",
    name: "read_note",
    text: (meta) =>
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_note","name":"delete_everything",${meta}}}`,
  },
  {
    method: "tools/call",
    name: "read_note",
    text: (meta) =>
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_note",${meta}},"paramſ":{"name":"delete_everything"}}`,
  },
  {
    method: "tools/call",
    name: "read_note",
    text: (meta) =>
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_note",${meta}},"PARAMS":{"Name":"delete_everything"}}`,
  },
  {
    method: "tools/call",
    name: "read_note",
    text: (meta) =>
      `{"jsonrpc":"2.0","id":1,"ID":7,"method":"tools/call","params":{"name":"read_note",${meta}}}`,
  },
  {
    method: "tools/call",
    name: "read_note",
    text: (meta) =>
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_note",${meta},"_META":{"progressToken":7}}}`,
  },
  {
    method: "tools/call",
    name: "read_note",
    text: (meta) =>
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_note",${meta.slice(0, -1)},"progressToKen":7}}}`,
  },
  {
    method: "TOOLS/call",
    text: (meta) =>
      `{"jsonrpc":"2.0","id":1,"method":"TOOLS/call","params":{"name":"delete_everything",${meta}}}`,
  },
];

const PLAIN_META = '"_meta":{"vendor/x":1}';
const requests = REQUESTS.map(({ text }) => text(PLAIN_META));

/** Messages that are not requests, with members that only some parsers see. */
const OTHERS = [
  '{"jsonrpc":"2.0","method":"notifications/initialized","Method":"tools/call","params":{"name":"delete_everything"}}',
  '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99,"RequestId":1}}',
  '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"request_id":1}}',
  '{"jsonrpc":"2.0","id":5,"ID":1,"result":{}}',
  '{"jsonrpc":"2.0","id":5,"result":{},"Method":"tools/call","Params":{"name":"delete_everything"}}',
  '{"jsonrpc":"2.0","id":5,"error":{"code":1,"message":""},"Error":{},"method":"x"}'.replace(
    ',"method":"x"',
    "",
  ),
  // A server that looks at nothing but the method makes a notification of the first and a call of the second.
  '{"jsonrpc":"2.0","id":1,"method":"notifications/cancelled","params":{"requestId":1}}',
  '{"jsonrpc":"2.0","method":"tools/call","params":{"name":"delete_everything"}}',
  '{"jsonrpc":"2.0","method":"notifications/x","params":{"_meta":{"progressToken":1}}}',
];

const { protocolVersion } = INITIALIZE.params;
const GREETINGS = [
  `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"${protocolVersion}","capabilities":{},"name":"delete_everything"},"Method":"tools/call"}`,
  `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"${protocolVersion}","capabilities":{},"Capabilities":{"sampling":{}}}}`,
  `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"${protocolVersion}","capabilities":{"sampling":{},"Sampling":{}}}}`,
  `{"jsonrpc":"2.0","method":"initialize","params":{"protocolVersion":"${protocolVersion}","capabilities":{}}}`,
];

const inBatch = (text: string) => `[{"jsonrpc":"2.0","id":8,"method":"ping"},${text}]`;

/** Every way in, with all that is to be refused there. */
const WAYS: Record<string, (program: Program, headers: Headers) => Promise<Response[]>> = {
  "in a session": async ({ ready }, headers) => {
    const { send } = await openSession(ready.url, headers);
    return inOrder([...requests, ...OTHERS], send);
  },
  "in a batch of a session": async ({ ready }, headers) => {
    const { send } = await openSession(ready.url, headers);
    return inOrder([...requests, ...OTHERS].map(inBatch), send);
  },
  "without sessions": ({ ready }, headers) =>
    Promise.all(
      REQUESTS.map(({ method, name, text }) =>
        post(ready.url, text(`"_meta":{${ENVELOPE}}`), { ...headers, ...statelessHeaders(method, name) }),
      ),
    ),
  "in a batch without sessions": ({ ready }, headers) =>
    Promise.all(
      REQUESTS.map(({ method, name, text }) =>
        post(ready.url, `[${text(`"_meta":{${ENVELOPE}}`)}]`, {
          ...headers,
          ...statelessHeaders(method, name),
        }),
      ),
    ),
  "over HTTP+SSE": async ({ ready }, headers) => {
    const session = await openSseSession(ready.sse, headers);
    const responses = await inOrder([...requests, ...OTHERS], session.send);
    await session.close();
    return responses;
  },
  "in a batch over HTTP+SSE": async ({ ready }, headers) => {
    const session = await openSseSession(ready.sse, headers);
    const responses = await inOrder([...requests, ...OTHERS].map(inBatch), session.send);
    await session.close();
    return responses;
  },
  "in the greeting": ({ ready }, headers) => inOrder(GREETINGS, (text) => post(ready.url, text, headers)),
  "in the greeting over HTTP+SSE": async ({ ready }, headers) => {
    const stream = listen(await fetch(ready.sse, { headers }));
    const { data } = await stream.nextEvent();
    const to = new URL(data, ready.sse).href;
    const responses = await inOrder([...GREETINGS, ...requests], (text) => post(to, text, headers));
    await stream.close();
    return responses;
  },
};

function statelessHeaders(method: string, name: string | undefined): Headers {
  return {
    "mcp-protocol-version": REVISION,
    "mcp-method": method,
    ...(name !== undefined && { "mcp-name": name }),
  };
}

async function inOrder(
  texts: readonly string[],
  send: (text: string) => Promise<Response>,
): Promise<Response[]> {
  const responses: Response[] = [];
  for (const text of texts) responses.push(await send(text));
  return responses;
}

const TABLES = {
  names: { admin: { tools: ["delete_*"] } },
  hints: { read: { readOnlyHint: true }, admin: { tools: ["delete_*"] } },
};

describe.each([
  ["--auth optional, before a stranger", ["--auth", "optional"], {}, [401]],
  ["a table of scopes by name", ["--child-era", "legacy"], { scopes: TABLES.names }, [403]],
  ["a table of scopes by hint", [], { scopes: TABLES.hints }, [403]],
  ["--process shared", ["--process", "shared", "--child-era", "modern"], {}, [200]],
])("with %s", (_name, words, config, plainly) => {
  let folder: Folder;
  let program: Program;
  let headers: Headers = {};
  let deletions: () => Promise<number>;
  beforeAll(async () => {
    folder = await createFolder();
    await folder.write("mcp-oauth.config.json", JSON.stringify(config));
    const file = join(folder.path, "deletions");
    deletions = async () => ((await Bun.file(file).exists()) ? Bun.file(file).size : 0);
    program = await startProgram(
      ["--verbose", "--tunnel", "none", "--token", TOKEN, ...words, fixture("folds-names")],
      { cwd: folder.path, env: { DELETIONS: file } },
    );
    if (words.includes("optional")) return;
    const issuer = program.ready.issuer ?? "";
    const { access_token } = await connect(issuer, await registerClient(issuer));
    headers = { authorization: `Bearer ${access_token}` };
  });
  afterAll(async () => {
    await program?.stop();
    await folder[Symbol.asyncDispose]();
  });

  test.each(Object.entries(WAYS))(
    "found 1: %s, what only some readers see is refused",
    async (_way, attack) => {
      const before = await deletions();
      for (const response of await attack(program, headers)) {
        expect(response.status).toBe(400);
        expect((await response.json()) as Wire).toMatchObject({ error: { code: -32600 } });
      }
      expect(await deletions()).toBe(before);
    },
  );

  test("found 1: the log says why", async () => {
    const { send } = await openSession(program.ready.url, headers);
    await send(requests[0]!);
    const line = 'Refused what a client sent: some readers take "Method" for "method".';
    await until("the line", () => program.stderr().includes(line));
  });

  test("found 1: written plainly, it is handled by its meaning", async () => {
    const before = await deletions();
    const session = await openSession(program.ready.url, headers);
    const { status } = await session.start("delete_everything");
    expect(plainly).toEqual([status]);
    expect(await deletions()).toBe(before + (status === 200 ? 1 : 0));
  });
});

describe("where all clients share a process", () => {
  let program: Program;
  beforeAll(async () => {
    program = await expose("folds-names", ["--process", "shared"]);
  });
  afterAll(async () => void (await program.stop()));

  test("found 1: no client answers a request that was sent to another", async () => {
    const [ada, bob] = [await openSession(program.ready.url), await openSession(program.ready.url)];
    const stream = listen(await ada.start("ask"));
    const id = Number((await stream.next()).id);
    for (const more of [`"ID":${id}`, '"ID":1', '"\\u0049d":1', `"id":${id}`])
      expect((await bob.send(`{"jsonrpc":"2.0","id":77,${more},"result":{"from":"bob"}}`)).status).toBe(400);
    expect((await bob.send(`{"jsonrpc":"2.0","id":${id},"result":{"from":"bob"}}`)).status).toBe(202);
    await ada.send({ jsonrpc: "2.0", id, result: { from: "ada" } });
    expect((await stream.next()).result?.["answeredBy"]).toContain('"from":"ada"');
  });

  test("found 1: no client cancels another's call, or takes its progress", async () => {
    const [ada, bob] = [await openSession(program.ready.url), await openSession(program.ready.url)];
    const params = { name: "hold", arguments: { key: "ada" }, _meta: { progressToken: "ada's" } };
    const waiting = ada.send({ jsonrpc: "2.0", id: "call", method: "tools/call", params });
    await until("the call to be there", async () => (await bob.call("read_note")).result?.["held"] === 1);
    // The server knows it by some number.
    for (let number = 1; number < 60; number++) {
      const named = [
        `"requestId":99,"RequestId":${number}`,
        `"request_id":${number}`,
        `"requeſtId":${number}`,
      ];
      for (const params of named) {
        const notification = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{${params}}}`;
        expect((await bob.send(notification)).status).toBe(400);
      }
      const request = `{"jsonrpc":"2.0","id":1,"method":"notifications/cancelled","params":{"requestId":${number}}}`;
      expect((await bob.send(request)).status).toBe(400);
      await bob.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${number}}}`);
      const token = `{"progressToKen":${number}}`;
      const call = `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"progress","_meta":${token}}}`;
      expect((await bob.send(call)).status).toBe(400);
    }
    await bob.call("release", { key: "ada" });
    const messages = await readMessages(await waiting);
    expect(messages).toMatchObject([
      { method: "notifications/progress", params: { progressToken: "ada's" } },
      { id: "call", result: { released: "ada" } },
    ]);
  });
});

describe("from the server", () => {
  let program: Program;
  let session: WireSession;
  beforeAll(async () => {
    program = await expose("obedient", ["--process", "shared"]);
    session = await openSession(program.ready.url);
  });
  afterAll(async () => void (await program.stop()));

  test.each([
    '{"result":{},"jsonrpc":"2.0" ,"ID":1,"id" : $ID, "x":0}',
    '{"id":$ID,"id":1,"result":{},"jsonrpc":"2.0" , "x":0}',
    '{"jsonrpc":"2.0","x":0,"id":$ID,"result":{},"Result":{}}',
    '[{"jsonrpc":"2.0","id":$ID,"result":{}},{"jsonrpc":"2.0","id":99,"ID":98,"result":{}}]',
  ])("found 1: the answer %s fails its call, and only that", async (reply) => {
    const answer = await session.call("raw", { reply });
    expect(answer.error).toMatchObject({
      code: -32603,
      message: expect.stringContaining("an answer that can be read in two ways"),
    });
    expect((await session.call("pid")).result).toBeDefined();
  });

  test.each([
    '{"jsonrpc":"2.0","method":"notifications/message","Method":"sampling/createMessage","params":{"data":"x"}}',
    '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","Level":"error"}}',
    '{"jsonrpc":"2.0","id":"lost","ID":2,"method":"sampling/createMessage","params":{}}',
    '{"jsonrpc":"2.0","id":"lost","method":"sampling/createMessage","params":{"tools":[],"Tools":[]}}',
  ])("found 1: the message %s is dropped", async (message) => {
    const reply = `${message}\n{"jsonrpc":"2.0","id":$ID,"result":{"done":true}}`;
    const messages = await readMessages(await session.start("raw", { reply }));
    expect(messages).toMatchObject([{ result: { done: true } }]);
  });

  test("found 1: a dropped server request is answered with an error, so that the server does not wait for ever", async () => {
    for (const [id, question] of [
      ["one", '{"jsonrpc":"2.0","id":"one","ID":2,"method":"sampling/createMessage","params":{}}'],
      ["two", '[{"jsonrpc":"2.0","id":"two","method":"ping"},{"jsonrpc":"2.0","Method":"x","method":"y"}]'],
      ["three", '{"jsonrpc":"2.0","id":"three","method":"vendor/ask","params":{"x":1,"x":2}}'],
    ]) {
      await session.call("raw", { reply: `${question}\n{"jsonrpc":"2.0","id":$ID,"result":{}}` });
      const answerTo = async () => (await readHistory(session)).find((message) => String(message.id) === id);
      await until("the answer", async () => (await answerTo()) !== undefined);
      expect(await answerTo()).toMatchObject({ error: { code: -32600 } });
    }
  });

  test("found 1: the log reports a message that can be read in two ways", async () => {
    await session.call("raw", { reply: '{"jsonrpc":"2.0","id":$ID,"ID":5,"result":{},"x":1}' });
    const line = 'messages that can be read in two ways (some readers take "ID" for "id")';
    await until("the line", () => program.stderr().includes(line));
  });

  test("found 1: an answer that is passed on unread reaches only the client whose call its id names", async () => {
    const other = await openSession(program.ready.url);
    const held = other.start("hold_silently", { key: "other" }, 2);
    for (const twin of ['"ID":2', '"id":2', '"Id":"2"']) {
      const reply = `{"jsonrpc":"2.0","id":$ID,"result":{"passed":true},${twin}}`;
      const texts = await readTexts(await session.start("raw", { reply }, 41));
      expect(texts).toEqual([expect.stringContaining('"id":41')]);
    }
    await other.call("release", { key: "other" });
    expect(await readAnswer(await held)).toMatchObject({ id: 2, result: { released: "other" } });
  });
});

describe("vendors' own members", () => {
  let program: Program;
  let session: WireSession;
  beforeAll(async () => {
    program = await expose("obedient", ["--process", "shared"]);
    session = await openSession(program.ready.url);
  });
  afterAll(async () => void (await program.stop()));

  const FOREIGN = [
    // https://code.claude.com/docs/en/channels-reference
    '"method":"notifications/claude/channel/permission_request","params":{"request_id":"abcde","tool_name":"Bash"}',
    '"method":"notifications/vendor/x","params":{"meta":{"a":1},"Name":"x","URI":"y","Level":1,"task_id":2}',
    '"method":"notifications/vendor/x","params":{"Arguments":{},"arguments":{},"Message":""}',
    '"method":"$/vendor","params":[1,"two"]',
    '"id":"vendor","method":"vendor/x","params":{"progress_token":1,"Capabilities":{}}',
    '"id":"position","method":"vendor/x","params":["a"]',
    '"id":99,"result":{"next_cursor":"x","nextCursor":"y"}',
  ];

  test.each(FOREIGN)("found 1: %s goes to the server as it is", async (members) => {
    const response = await session.send(`{"jsonrpc":"2.0",${members}}`);
    expect(response.status).toBe(members.includes('"id":"') ? 200 : 202);
    await response.text();
    if (members.includes('"result"')) return;
    const [, params = ""] = members.split('"params":');
    await until("it to arrive", async () =>
      (await readHistory(session)).some((message) => JSON.stringify(message.params) === params),
    );
  });

  test.each([
    '"method":"notifications/claude/channel/permission","params":{"request_id":"abcde","behavior":"allow"}',
    '"method":"notifications/vendor/x","params":{"requestId":1,"request_id":2,"meta":{},"_meta":{}}',
    '"method":"$/vendor","params":[1]',
    '"id":"vendor","method":"vendor/ask","params":{"request_id":"abcde"}',
  ])("found 1: %s reaches the client", async (members) => {
    const reply = `{"jsonrpc":"2.0",${members}}\n{"jsonrpc":"2.0","id":$ID,"result":{}}`;
    const [told] = await readMessages(await session.start("raw", { reply }));
    expect(JSON.stringify(told?.params)).toBe(members.split('"params":')[1]!);
  });

  test.each(['"next_cursor":"x"', '"result_type":"x"', '"Tools":[]', '"structuredContent":{"Tools":1}'])(
    "found 1: a result with %s reaches clients of every era",
    async (member) => {
      const reply = `{"jsonrpc":"2.0","id":$ID,"result":{"content":[],${member}}}`;
      const expected = JSON.parse(`{"content":[],${member}}`) as Record<string, unknown>;
      expect((await session.call("raw", { reply })).result).toEqual(expected);
      const modern = createStatelessClient(program.ready.url);
      expect((await modern.call("raw", { reply })).result).toMatchObject(expected);
    },
  );

  test("found 1: a client may have vendor capabilities, in any letters", async () => {
    const capabilities = { Roots: {}, experimental: { Roots: {}, roots: {} }, Sampling: { Tools: {} } };
    const params = { ...INITIALIZE.params, capabilities };
    expect((await post(program.ready.url, { ...INITIALIZE, params })).status).toBe(200);
  });

  test("found 1: a member that a parser could take for a progress token or an envelope is refused for any method", async () => {
    for (const params of [
      '{"meta":{"progressToken":7}}',
      '{"_meta":{"progress_token":7}}',
      `{"_META":{"${META.version}":"${REVISION}"}}`,
      '{"meta":{},"_meta":{"progressToken":7}}',
    ])
      expect(
        (await session.send(`{"jsonrpc":"2.0","id":3,"method":"vendor/x","params":${params}}`)).status,
      ).toBe(400);
  });
});

test("found 1: params by position, which have no place for an envelope, are not lost on the way to a server that needs one", async () => {
  await using program = await expose("modern-only");
  const session = await openSession(program.ready.url);
  const answer = await readAnswer(
    await session.send('{"jsonrpc":"2.0","id":3,"method":"vendor/x","params":[1]}'),
  );
  expect(answer.error).toMatchObject({ code: -32602, message: expect.stringContaining("by name") });
});
