// How many sessions and streams one person may have with one client, on the running program.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createStatelessClient } from "../matrix/stateless-wire.ts";
import { connect, registerClient, TOKEN, type Tokens } from "../oauth/harness.ts";
import { startProgram, type Program } from "../program.ts";
import { fixture, isEventStream, listen, openSession, until, type Listening } from "./wire.ts";

setDefaultTimeout(60_000);

const PING = { jsonrpc: "2.0", id: 1, method: "ping" };
const MOST = 100;

describe("found 8: limits of one person with one client", () => {
  let program: Program;
  let url: string;
  let sse: string;
  let bearer: { authorization: string };
  let other: { authorization: string };
  beforeAll(async () => {
    program = await startProgram(["--tunnel", "none", "--token", TOKEN, fixture("obedient")]);
    ({ url, sse } = program.ready);
    const issuer = program.ready.issuer ?? "";
    const header = ({ access_token }: Tokens) => ({ authorization: `Bearer ${access_token}` });
    bearer = header(await connect(issuer, await registerClient(issuer)));
    other = header(await connect(issuer, await registerClient(issuer)));
  });
  afterAll(async () => void (await program.stop()));

  test("a hundred sessions are in memory; the ones used last and at work stay there, and the others go on, too", async () => {
    const foreign = await openSession(url, other);
    const [atWork, used, ...rest] = await openAll(MOST);
    const call = listen(await atWork!.start("hold", { key: "at work" }));
    await call.next();
    await used!.send(PING);
    const stream = listen(await used!.listen());
    await openAll(10);
    const status = async (session: typeof foreign) => (await session.send(PING)).status;
    expect(await Promise.all([atWork!, used!, foreign].map(status))).toEqual([200, 200, 200]);
    const statuses = await Promise.all(rest.map(status));
    expect(statuses).toEqual(Array.from({ length: MOST - 2 }, () => 200));
    // What is in memory alone stays with those that are used.
    await used!.call("list_changed");
    expect((await stream.next()).method).toBe("notifications/tools/list_changed");
    await stream.close();
    await atWork!.call("release", { key: "at work" });
    expect((await call.next()).result).toEqual({ released: "at work" });
  });

  async function openAll(count: number) {
    const sessions = [];
    for (let opened = 0; opened < count; opened++) sessions.push(await openSession(url, bearer));
    return sessions;
  }

  test("a hundred streams of HTTP+SSE; one more is refused, since the client of an ended one would reconnect", async () => {
    const gone = new AbortController();
    const open = () => fetch(sse, { headers: bearer, signal: gone.signal });
    const opened = await Promise.all(Array.from({ length: MOST }, open));
    expect(opened.every(isEventStream)).toBeTrue();
    const refused = await open();
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
    expect((await fetch(sse, { headers: other, signal: gone.signal })).status).toBe(200);
    gone.abort();
    await until("there is room again", async () => {
      const again = await fetch(sse, { headers: bearer });
      await again.body?.cancel();
      return again.status === 200;
    });
  });

  test("a hundred streams of subscriptions/listen; the oldest ends with a result, and is over at the server, too", async () => {
    const client = createStatelessClient(url, {}, bearer);
    const foreign = createStatelessClient(url, {}, other);
    const open = async (by = client): Promise<Listening> => {
      const filter = { notifications: { resourceSubscriptions: [`file:///${++resources}`] } };
      const stream = listen(await by.request("subscriptions/listen", filter));
      await stream.next();
      return stream;
    };
    let resources = 0;
    const foreignStream = await open(foreign);
    const streams: Listening[] = [];
    for (let opened = 0; opened < MOST; opened++) streams.push(await open());
    const oldest = streams.shift()!;
    streams.push(await open());
    expect(await oldest.next()).toMatchObject({ result: { resultType: "complete" } });
    await oldest.ended();
    await until("the server knows", async () =>
      (await client.history()).some(
        ({ method, params }) => method === "resources/unsubscribe" && params?.["uri"] === "file:///2",
      ),
    );
    await Promise.all([...streams, foreignStream].map((stream) => stream.close()));
  });
});
