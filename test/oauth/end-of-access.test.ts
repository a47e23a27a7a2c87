// Calls and streams under way when a client's access ends, by revocation or because its token runs out.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { createFolder, type Folder } from "../cli/process.ts";
import {
  fixture,
  isEventStream,
  listen,
  openSession,
  post,
  readAnswer,
  readHistory,
  until,
  within,
  INITIALIZE,
  type Headers,
  type Listening,
  type WireSession,
} from "../eras/wire.ts";
import { composePost, connectRaw } from "../faults/socket.ts";
import { createStatelessClient, META, REVISION } from "../matrix/stateless-wire.ts";
import { type Program, runProgram, startProgram } from "../program.ts";
import { connect, postForm, refresh, registerClient, TOKEN, type Tokens } from "./harness.ts";

setDefaultTimeout(60_000);

const WORDS = ["--tunnel", "none", "--token", TOKEN];
const bearer = ({ access_token }: Tokens) => ({ authorization: `Bearer ${access_token}` });

/** A stream of HTTP+SSE whose session has begun, and what posts in it. */
async function openSse(url: string, tokens: Tokens) {
  const stream = listen(await fetch(url, { headers: bearer(tokens) }));
  const { data } = await stream.nextEvent();
  const endpoint = new URL(data, url).href;
  const send = (body: object, by = tokens) => post(endpoint, body, bearer(by));
  await send(INITIALIZE);
  await stream.next();
  return { stream, send, endpoint };
}

const callOf = (id: string, name: string, args: object) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: args },
});

describe("found 24: when access is revoked", () => {
  let folder: Folder;
  let store: string;
  let program: Program;
  let url: string;
  let sse: string;
  let issuer: string;
  let client: string;
  /** Another grant of the same person and client, and so the same server process. */
  let other: WireSession;
  let stays: Tokens;
  beforeAll(async () => {
    folder = await createFolder();
    store = join(folder.path, "state.db");
    program = await startProgram([...WORDS, "--store", store, fixture("obedient")]);
    ({ url, sse } = program.ready);
    issuer = program.ready.issuer ?? "";
    client = await registerClient(issuer);
    stays = await connect(issuer, client);
    other = await openSession(url, bearer(stays));
  });
  afterAll(async () => {
    await program?.stop();
    await folder[Symbol.asyncDispose]();
  });

  const revoke = async (tokens: Tokens) =>
    expect(
      (await postForm(issuer, "/revoke", { client_id: client, token: tokens.refresh_token })).status,
    ).toBe(200);

  /** Waits until the server has the call that holds this key, or its cancellation. */
  const untilCalled = (key: string) =>
    until(`the server has the call ${key}`, async () => (await findCall(key)) !== undefined);
  const findCall = async (key: string) =>
    (await readHistory(other)).find(
      ({ params }) => (params?.["arguments"] as { key?: string } | undefined)?.key === key,
    );
  const untilCancelled = (key: string) =>
    until(`the server gets the cancellation of ${key}`, async () => {
      const call = await findCall(key);
      return (await readHistory(other)).some(
        ({ method, params }) => method === "notifications/cancelled" && params?.["requestId"] === call?.id,
      );
    });

  async function expectChallenge(response: Response): Promise<void> {
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toContain('error="invalid_token"');
    expect(await response.text()).not.toContain("released");
  }

  test("a call that is not answered yet is answered 401 with the challenge, and cancelled at the server; those of others are answered", async () => {
    const goes = await connect(issuer, client);
    const session = await openSession(url, bearer(goes));
    const ending = session.start("hold_silently", { key: "revoked" });
    const lasting = other.start("hold_silently", { key: "kept" });
    await Promise.all([untilCalled("revoked"), untilCalled("kept")]);
    await revoke(goes);
    await expectChallenge(await ending);
    await untilCancelled("revoked");
    await other.call("release", { key: "kept" });
    expect((await readAnswer(await lasting)).result).toEqual({ released: "kept" });
    // The server answers the call all the same; its answer reaches no client.
    await other.call("release", { key: "revoked" });
    expect((await session.send(callOf("again", "pid", {}))).status).toBe(401);
  });

  test("a batch is answered 401 as a whole, also to a client that takes nothing but JSON", async () => {
    const goes = await connect(issuer, client);
    const session = await openSession(url, bearer(goes));
    const calls = ["one", "two"].map((key) => callOf(key, "hold_silently", { key }));
    const ending = session.send([...calls, callOf("done", "pid", {})], { accept: "application/json" });
    await Promise.all([untilCalled("one"), untilCalled("two")]);
    await revoke(goes);
    await expectChallenge(await ending);
    await Promise.all([untilCancelled("one"), untilCancelled("two")]);
  });

  test("an id of a batch that was answered, and that another grant's call has by now, is left alone", async () => {
    const goes = await connect(issuer, client);
    const session = await openSession(url, bearer(goes));
    const batch = session.send([
      callOf("again", "pid", {}),
      callOf("hangs", "hold_silently", { key: "batch" }),
    ]);
    await untilCalled("batch");
    const lasting = session.send(callOf("again", "hold_silently", { key: "again" }), bearer(stays));
    await untilCalled("again");
    await revoke(goes);
    await expectChallenge(await batch);
    await untilCancelled("batch");
    await other.call("release", { key: "again" });
    expect((await readAnswer(await lasting)).result).toEqual({ released: "again" });
  });

  test("a request whose body was not complete then is refused, on every transport", async () => {
    const goes = await connect(issuer, client);
    const session = await openSession(url, bearer(goes));
    const { endpoint, stream } = await openSse(sse, stays);
    const call = callOf("slow", "pid", {});
    const _meta = { [META.version]: REVISION, [META.capabilities]: {} };
    const modern = { "mcp-protocol-version": REVISION, "mcp-method": "tools/call", "mcp-name": "pid" };
    const begin = async (to: string, body: object, headers: Headers = {}) => {
      const connection = await connectRaw(to);
      const { pathname, search } = new URL(to);
      const text = composePost(to, body, { ...bearer(goes), ...headers });
      await connection.write(text.slice(0, -1).replace(pathname, pathname + search));
      return connection;
    };
    const begun = [
      await begin(url, call, { "mcp-session-id": session.id }),
      await begin(url, { ...call, params: { ...call.params, _meta } }, modern),
      await begin(endpoint, call),
    ];
    // By then the head of each has been looked at.
    await other.call("pid");
    await revoke(goes);
    for (const connection of begun) {
      await connection.write("}");
      expect(await connection.head()).toStartWith("HTTP/1.1 401 ");
      connection.close();
    }
    await stream.close();
  });

  test("the stream of a call ends, and the call is cancelled", async () => {
    const goes = await connect(issuer, client);
    const session = await openSession(url, bearer(goes));
    const stream = listen(await session.start("hold", { key: "streamed" }));
    await stream.nextEvent();
    await revoke(goes);
    await stream.ended();
    await untilCancelled("streamed");
  });

  test("calls over HTTP+SSE are cancelled, also those on a stream that was opened with another token", async () => {
    const goes = await connect(issuer, client);
    const [own, shared] = [await openSse(sse, goes), await openSse(sse, stays)];
    await own.send(callOf("a", "hold_silently", { key: "sse" }));
    await shared.send(callOf("b", "hold_silently", { key: "sse of another" }), goes);
    await shared.send(callOf("c", "hold_silently", { key: "sse that stays" }));
    for (const key of ["sse", "sse of another", "sse that stays"]) await untilCalled(key);
    await revoke(goes);
    await own.stream.ended();
    await untilCancelled("sse");
    await untilCancelled("sse of another");
    for (const key of ["sse of another", "sse that stays"]) await other.call("release", { key });
    expect((await shared.stream.next()).id).toBe("c");
    await shared.stream.close();
  });

  test("calls and streams of 2026-07-28 end in the same way", async () => {
    const goes = await connect(issuer, client);
    const modern = createStatelessClient(url, {}, bearer(goes));
    const beside = createStatelessClient(url, {}, bearer(stays));
    const plain = modern.start("hold_silently", { key: "plain" });
    const meta = { [META.logLevel]: "info" };
    const stream = listen(await modern.start("hold", { key: "stream" }, { meta }));
    const listening = listen(
      await modern.request("subscriptions/listen", { notifications: { toolsListChanged: true } }),
    );
    await listening.next();
    const called = (key: string) =>
      until(`the server has ${key}`, async () => (await numberOf(key)) !== undefined);
    const numberOf = async (key: string) =>
      (await beside.history()).find(
        ({ params }) => (params?.["arguments"] as { key?: string } | undefined)?.key === key,
      )?.id;
    await called("plain");
    await revoke(goes);
    await expectChallenge(await plain);
    await stream.ended();
    await listening.ended();
    for (const key of ["plain", "stream"])
      await until(`${key} is cancelled`, async () => {
        const number = await numberOf(key);
        return (await beside.history()).some(
          ({ method, params }) => method === "notifications/cancelled" && params?.["requestId"] === number,
        );
      });
  });

  test("the same holds for a revocation by the owner's command beside the running program", async () => {
    const id = await registerClient(issuer);
    const goes = await connect(issuer, id);
    const session = await openSession(url, bearer(goes));
    const ending = session.start("hold_silently", { key: "by the owner" });
    // This client has a process of its own, which answers one after the other.
    await session.call("pid");
    const revoked = await runProgram(["grants", "revoke", "--all", "--store", store]);
    expect(revoked.exitCode).toBe(0);
    await expectChallenge(await ending);
  });
});

describe("when a token runs out", () => {
  let program: Program;
  let url: string;
  let issuer: string;
  let client: string;
  beforeAll(async () => {
    program = await startProgram([...WORDS, "--access-ttl", "2s", fixture("obedient")]);
    ({ url } = program.ready);
    issuer = program.ready.issuer ?? "";
    client = await registerClient(issuer);
  });
  afterAll(async () => void (await program?.stop()));

  test("found 43: streams without a call end then, long before the next comment is due; the streams of calls carry their answers", async () => {
    const tokens = await connect(issuer, client);
    const session = await openSession(url, bearer(tokens));
    const modern = createStatelessClient(url, {}, bearer(tokens));
    const call = listen(await session.start("hold", { key: "goes on" }, "goes on"));
    await call.next();
    const newest = listen(
      await modern.start("hold", { key: "modern" }, { meta: { [META.logLevel]: "info" } }),
    );
    await newest.next();
    const streams: Listening[] = [
      listen(await session.listen()),
      listen(await modern.request("subscriptions/listen", { notifications: { toolsListChanged: true } })),
    ];
    // Comments come every 15 seconds from the start of the program on, which was just now.
    await within(Promise.all(streams.map((stream) => stream.ended())), "the ends", 8_000);

    const renewed = await renew(tokens);
    const again = createStatelessClient(url, {}, bearer(renewed));
    await again.call("release", { key: "modern" });
    expect(await newest.next()).toMatchObject({ result: { released: "modern" } });
    const released = await session.send(callOf("r", "release", { key: "goes on" }), bearer(renewed));
    expect((await readAnswer(released)).result).toEqual({});
    expect(await call.next()).toMatchObject({ id: "goes on", result: { released: "goes on" } });
  });

  const untilRefused = (tokens: Tokens) =>
    until("the token has run out", async () => (await post(url, INITIALIZE, bearer(tokens))).status === 401);
  const renew = async ({ refresh_token }: Tokens) =>
    (await (await refresh(issuer, client, refresh_token)).json()) as Tokens;

  test("found 43: over HTTP+SSE, where the stream is the session, nothing is said until its client posts with a new token", async () => {
    const tokens = await connect(issuer, client);
    const { stream, send } = await openSse(program.ready.sse, tokens);
    await untilRefused(tokens);
    const renewed = await renew(tokens);
    const session = await openSession(url, bearer(renewed));
    const first = stream.next();
    let heard = false;
    void first.then(() => (heard = true));
    await session.call("list_changed");
    for (let count = 0; count < 20; count++) await session.call("pid");
    expect(heard).toBeFalse();
    // A token of another grant does not do.
    await send(callOf("other", "pid", {}), await connect(issuer, client));
    expect(heard).toBeFalse();
    await send(callOf("mine", "pid", {}), renewed);
    expect(await first).toMatchObject({ method: "notifications/tools/list_changed" });
    expect([(await stream.next()).id, (await stream.next()).id]).toEqual(["other", "mine"]);
    await stream.close();
  });

  test("found 43: answers of calls that began before come on it meanwhile", async () => {
    const tokens = await connect(issuer, client);
    const { stream, send } = await openSse(program.ready.sse, tokens);
    await send(callOf("before", "hold_silently", { key: "sse" }));
    await untilRefused(tokens);
    const session = await openSession(url, bearer(await renew(tokens)));
    await session.call("list_changed");
    await session.call("release", { key: "sse" });
    expect(await stream.next()).toMatchObject({ id: "before", result: { released: "sse" } });
    await stream.close();
  });

  test("found 43: it ends when access is revoked before a new token comes", async () => {
    const other = await connect(issuer, client);
    const silent = await openSse(program.ready.sse, other);
    await untilRefused(other);
    await postForm(issuer, "/revoke", { client_id: client, token: other.refresh_token });
    await within(silent.stream.ended(), "the end", 4_000);
    expect((await silent.send(callOf("late", "pid", {}), await connect(issuer, client))).status).toBe(404);
  });

  test("found 24: an earlier call is answered, and no later one", async () => {
    const tokens = await connect(issuer, client);
    const session = await openSession(url, bearer(tokens));
    const began = session.start("hold_silently", { key: "late" });
    await untilRefused(tokens);
    const renewed = await renew(tokens);
    await session.send(callOf("r", "release", { key: "late" }), bearer(renewed));
    const response = await began;
    expect([response.status, isEventStream(response)]).toEqual([200, false]);
    expect((await readAnswer(response)).result).toEqual({ released: "late" });
  });

  test("found 24: unless its grant is revoked afterwards", async () => {
    const tokens = await connect(issuer, client);
    const session = await openSession(url, bearer(tokens));
    const began = session.start("hold_silently", { key: "too late" });
    await untilRefused(tokens);
    await postForm(issuer, "/revoke", { client_id: client, token: tokens.refresh_token });
    expect((await began).status).toBe(401);
  });
});
