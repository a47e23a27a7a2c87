// A session that was opened without a token (`--auth optional`) and is shown with one: whose it is from then on, and
// what is left of what it was.
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createFolder } from "../cli/process.ts";
import { openHouse, pidOf, type House } from "../isolation/people.ts";
import { ALL, createStatelessClient } from "../matrix/stateless-wire.ts";
import { connect as connectClient, postForm, registerClient, TOKEN } from "../oauth/harness.ts";
import { startProgram } from "../program.ts";
import {
  fixture,
  INITIALIZE,
  listen,
  openSession,
  post,
  readAnswer,
  readEvents,
  readHistory,
  readStarts,
  until,
  type Headers,
  type ServerEvent,
  type Wire,
  type WireSession,
} from "./wire.ts";

setDefaultTimeout(60_000);

const OPTIONAL = ["--auth", "optional"];
const SECRET = "what the person wrote";
const PING = { jsonrpc: "2.0", id: 1, method: "ping" };

const tool = (name: string, args: object = {}, id: unknown = 2) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: args },
});
const listing = (cursor: string, id: unknown = 3, _meta?: object) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/list",
  params: { cursor, ...(_meta && { _meta }) },
});

/** A stranger's session, shown by a person who has signed in. */
function show({ id, send }: WireSession, url: string, who: Headers) {
  const headers = { ...who, "mcp-session-id": id };
  return {
    send: (body: object) => send(body, who),
    call: async (name: string, args?: object): Promise<Wire> => readAnswer(await send(tool(name, args), who)),
    get: (more: Headers = {}) => fetch(url, { headers: { ...headers, ...more } }),
    end: () => fetch(url, { method: "DELETE", headers }),
  };
}

/** Everything that comes on a stream until it ends. */
async function readToEnd(response: Response): Promise<string> {
  let all = "";
  for await (const { data, id } of readEvents(response)) all += `${id ?? ""} ${data}\n`;
  return all;
}

describe("found 40: the first token that shows a stranger's session", () => {
  let house: House;
  let url: string;
  beforeAll(async () => {
    house = await openHouse("obedient", OPTIONAL);
    ({ url } = house);
  });
  afterAll(() => house[Symbol.asyncDispose]());

  test("adopts it, on a process of its own that is initialized as the stranger's was", async () => {
    const { program, ada } = house;
    const stranger = await openSession(url);
    expect((await stranger.send(listing(""))).status).toBe(200);
    const own = show(stranger, url, ada);
    const pid = pidOf(await own.call("pid"));
    expect(pid).not.toBe((await readStarts(program))[0]!);
    expect(pidOf(await own.call("pid"))).toBe(pid);
    const history = await readHistory({ ...stranger, call: own.call });
    expect(history.map(({ method }) => method)).toEqual([
      "initialize",
      "notifications/initialized",
      ...Array.from({ length: 3 }, () => "tools/call"),
    ]);
    expect(history[0]?.params).toEqual(INITIALIZE.params);
    const stream = listen(await own.get());
    await own.call("list_changed");
    expect((await stream.next()).method).toBe("notifications/tools/list_changed");
    await stream.close();
  });

  test("owns it alone: for strangers, other people and other clients it no longer exists", async () => {
    const { ada, adaElsewhere, bob } = house;
    const stranger = await openSession(url);
    const own = show(stranger, url, ada);
    expect((await own.send(PING)).status).toBe(200);
    for (const who of [{}, adaElsewhere, bob]) {
      const other = show(stranger, url, who);
      const statuses = [await other.send(PING), await other.get(), await other.end()].map(
        ({ status }) => status,
      );
      expect(statuses).toEqual([404, 404, 404]);
    }
    expect((await own.send(PING)).status).toBe(200);
    expect((await own.end()).status).toBe(200);
    expect((await own.send(PING)).status).toBe(404);
  });

  test("is a single one when several come at once", async () => {
    const { ada, adaElsewhere, bob } = house;
    const stranger = await openSession(url);
    const people = [ada, bob, adaElsewhere];
    const attempts = await Promise.all(
      [...people, ...people].map(async (who) => ({
        who,
        status: (await show(stranger, url, who).send(PING)).status,
      })),
    );
    expect(attempts.filter(({ status }) => status === 404)).toHaveLength(4);
    const winner = attempts.find(({ status }) => status === 200)?.who;
    for (const who of people)
      expect((await show(stranger, url, who).send(PING)).status).toBe(who === winner ? 200 : 404);
  });

  test("may come with a GET, or with notifications/initialized, too", async () => {
    const { bob } = house;
    const one = await openSession(url);
    const stream = listen(await show(one, url, bob).get());
    await show(one, url, bob).call("list_changed");
    expect((await stream.next()).method).toBe("notifications/tools/list_changed");
    await stream.close();
    const opened = await post(url, INITIALIZE);
    const headers = { ...bob, "mcp-session-id": opened.headers.get("mcp-session-id") ?? "" };
    await opened.text();
    expect((await post(url, { jsonrpc: "2.0", method: "notifications/initialized" }, headers)).status).toBe(
      202,
    );
    expect(pidOf(await readAnswer(await post(url, tool("pid"), headers)))).toBeNumber();
  });

  test("does not adopt a session of HTTP+SSE, whose stream the stranger holds", async () => {
    const { program, ada } = house;
    const stream = listen(await fetch(program.ready.sse));
    const endpoint = new URL((await stream.nextEvent()).data, url).href;
    await post(endpoint, INITIALIZE);
    expect(await stream.next()).toMatchObject({ id: 0 });
    expect((await post(endpoint, tool("echo", { SECRET }), ada)).status).toBe(404);
    await post(endpoint, listing("", 9));
    expect(await stream.next()).toMatchObject({ id: 9 });
    await stream.close();
  });

  test("must be good", async () => {
    const stranger = await openSession(url);
    expect((await show(stranger, url, { authorization: "Bearer nonsense" }).send(PING)).status).toBe(401);
    expect((await stranger.send(PING)).status).toBe(200);
  });
});

test("found 40: on a server without sessions, too", async () => {
  await using house = await openHouse("stateless", OPTIONAL);
  const stranger = await openSession(house.url);
  const own = show(stranger, house.url, house.ada);
  const pid = pidOf(await own.call("pid"));
  expect(pid).not.toBe((await readStarts(house.program))[0]!);
  const stream = listen(await own.get());
  await own.call("list_changed");
  expect((await stream.next()).method).toBe("notifications/tools/list_changed");
  await stream.close();
});

test("found 40: an attacker who planted a session id reads nothing of the victim's", async () => {
  await using house = await openHouse("acting-lists", OPTIONAL);
  const { url, ada } = house;
  const attacker = await openSession(url);
  // A stream of his, events to come back behind, a call under way, and messages that wait.
  await attacker.send(listing("changed"));
  const standing = await attacker.listen();
  const reading = readToEnd(standing);
  const held = attacker.send({ ...listing("hold mine", 77) });
  await until("it is held", async () =>
    JSON.stringify(await readAnswer(await attacker.send(listing("history", 5)))).includes("hold mine"),
  );
  const own = show(attacker, url, ada);
  const answer = await own.send(listing(`whisper ${SECRET}`));
  expect(await answer.text()).toContain(SECRET);
  // His stream has ended, and carried no message of hers.
  const seen = await reading;
  expect(seen).toContain("notifications/tools/list_changed");
  expect(seen).not.toContain(SECRET);
  const late = await readAnswer(await held);
  expect([late.id, late.error?.message]).toEqual([77, expect.stringContaining("has ended")]);
  // Nothing that he knows opens it again.
  for (const lastEventId of ["1_0", "1_1", "2_0", "3_0"])
    expect((await show(attacker, url, { "last-event-id": lastEventId }).get()).status).toBe(404);
  expect((await attacker.listen()).status).toBe(404);
  expect((await attacker.end()).status).toBe(404);
  await attacker.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 3 } });
  expect((await own.send(PING)).status).toBe(200);
});

test("found 40: no earlier message is repeated, and no earlier event id is accepted afterwards", async () => {
  await using house = await openHouse("acting-lists", OPTIONAL);
  const { url, ada } = house;
  const stranger = await openSession(url);
  const before = await stranger.listen();
  await stranger.send(listing("changed"));
  const { id = "" } = await nextMessage(before);
  expect(id).toMatch(/^\d+_1$/);
  const own = show(stranger, url, ada);
  const calls = await Promise.all(
    [1, 2, 3].map((call) => own.send(listing("progress 2", call, { progressToken: call }))),
  );
  const [first, ...others] = await Promise.all(calls.map((call) => eventsOf(call)));
  expect(others.map(({ length }) => length)).toEqual([3, 3]);
  // Those of after can be come back to.
  const missed = await eventsOf(await own.get({ "last-event-id": first?.[0]?.id ?? "" }));
  expect(missed.map(({ id }) => id)).toEqual([first![1]!.id!, first![2]!.id!]);
  const stream = listen(await own.get({ "last-event-id": id }));
  await (await own.send(listing("changed"))).text();
  const message = await stream.next();
  expect(message.method).toBe("notifications/tools/list_changed");
  await (await own.send(listing("changed"))).text();
  expect((await stream.next()).method).toBe("notifications/tools/list_changed");
  await stream.close();
});

const isMessage = ({ event, data }: ServerEvent) => event === "message" && data !== "";

async function eventsOf(response: Response): Promise<ServerEvent[]> {
  const events: ServerEvent[] = [];
  for await (const event of readEvents(response)) if (isMessage(event)) events.push(event);
  return events;
}

async function nextMessage(response: Response) {
  for await (const event of readEvents(response)) if (isMessage(event)) return event;
  throw new Error("the stream has ended");
}

test("found 40: a session without room for its process is adopted, and gets the process later", async () => {
  await using house = await openHouse("obedient", [...OPTIONAL, "--max-children", "2"]);
  const { url, ada, bob } = house;
  const busy = createStatelessClient(url, ALL, ada);
  const held = busy.start("hold", { key: "busy" }, { meta: { progressToken: 1 } });
  await until("it is held", async () => JSON.stringify(await busy.history()).includes('"busy"'));
  const stranger = await openSession(url);
  const own = show(stranger, url, ada);
  const refused = await own.send(PING);
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
  for (const who of [{}, bob]) expect((await show(stranger, url, who).send(PING)).status).toBe(404);
  await busy.call("release", { key: "busy" });
  await held;
  expect((await own.send(PING)).status).toBe(200);
});

test("found 40: a person whose anonymous session was evicted goes on in it, and no one else can", async () => {
  await using house = await openHouse("obedient", [...OPTIONAL, "--max-children", "1"]);
  const { url, ada, bob } = house;
  const [one, other, ended] = [await openSession(url), await openSession(url), await openSession(url)];
  expect((await ended.end()).status).toBe(200);
  const [hers, his] = [show(one, url, ada), show(other, url, bob)];
  const pid = pidOf(await hers.call("pid"));
  // The process of the strangers has gone, and they get no other; their sessions are still theirs.
  expect((await other.send(PING)).status).toBe(503);
  const pids = [pid, pidOf(await his.call("pid"))];
  expect(await readStarts(house.program)).toEqual(expect.arrayContaining(pids));
  expect(new Set(pids).size).toBe(2);
  for (const who of [{}, ada]) expect((await show(other, url, who).send(PING)).status).toBe(404);
  // A client that has deleted its session has left nothing.
  expect((await show(ended, url, bob).send(PING)).status).toBe(404);
  expect((await his.send(PING)).status).toBe(200);
});

test("found 40: a request of a person whose access was revoked while the process started is refused", async () => {
  await using folder = await createFolder();
  const gate = join(folder.path, "gate");
  writeFileSync(gate, "");
  const words = ["--tunnel", "none", "--token", TOKEN, ...OPTIONAL, fixture("late"), gate];
  await using program = await startProgram(words);
  const { url } = program.ready;
  const issuer = program.ready.issuer ?? "";
  const client_id = await registerClient(issuer);
  const { access_token: token } = await connectClient(issuer, client_id);
  const stranger = await openSession(url);
  rmSync(gate);
  const shown = show(stranger, url, { authorization: `Bearer ${token}` });
  // What a stream needs no process for is said at once.
  const stream = await shown.get({ accept: "text/event-stream" });
  const asked = shown.send(PING);
  await until("his process is started", async () => (await readStarts(program)).length === 2);
  expect((await postForm(issuer, "/revoke", { client_id, token })).status).toBe(200);
  await listen(stream).ended();
  writeFileSync(gate, "");
  expect((await asked).status).toBe(401);
});

test("found 40: DELETE of a person starts no process for the session", async () => {
  await using house = await openHouse("obedient", OPTIONAL);
  const stranger = await openSession(house.url);
  const own = show(stranger, house.url, house.ada);
  expect((await own.end()).status).toBe(200);
  for (const who of [{}, house.ada, house.bob])
    expect((await show(stranger, house.url, who).send(PING)).status).toBe(404);
  expect(await readStarts(house.program)).toHaveLength(1);
});

/** Clients that never begin anew: they show the session they have, with a token as soon as there is one. */
const CLIENTS: Record<string, (url: URL, ways: { fetch: typeof fetch }) => Promise<Stubborn>> = {
  "SDK v1": async (url, ways) => {
    const client = new ClientV1({ name: "stubborn", version: "1" });
    await client.connect(new HttpV1(url, ways));
    return client as unknown as Stubborn;
  },
  "SDK v2": async (url, ways) => {
    const client = new ClientV2(
      { name: "stubborn", version: "1" },
      { versionNegotiation: { mode: "legacy" } },
    );
    await client.connect(new HttpV2(url, ways));
    return client as unknown as Stubborn;
  },
};

interface Stubborn {
  listTools(): Promise<{ tools: unknown[] }>;
  callTool(call: { name: string; arguments: object }): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

for (const [name, connect] of Object.entries(CLIENTS))
  test(`found 40: ${name}, signed in without a new session, goes on in its old one`, async () => {
    await using house = await openHouse("acting-lists", OPTIONAL);
    let who: Headers = {};
    const ids = new Set<string>();
    const ways = {
      fetch: ((input: string, init: RequestInit = {}) => {
        const headers = new Headers(init.headers);
        for (const [key, value] of Object.entries(who)) headers.set(key, value);
        const id = headers.get("mcp-session-id");
        if (id !== null) ids.add(id);
        return fetch(input, { ...init, headers });
      }) as typeof fetch,
    };
    const client = await connect(new URL(house.url), ways);
    expect(await client.listTools()).toMatchObject({ tools: [] });
    who = house.ada;
    for (let count = 0; count < 3; count++)
      expect(await client.callTool({ name: "any", arguments: {} })).toHaveProperty("pid");
    expect(ids.size).toBe(1);
    await client.close();
  });
