// Clients that come back, or come twice: whatever they ask for, no stream ends for the sake of another, since
// the client of the one that ended would come back in its turn, for ever.
// https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Program } from "../program.ts";
import {
  expose,
  isEventStream,
  listen,
  openSession,
  readAnswer,
  until,
  type Listening,
  type WireSession,
} from "./wire.ts";

let program: Program;
let url: string;
beforeAll(async () => {
  program = await expose("obedient", ["--max-children", "40"]);
  ({ url } = program.ready);
});
afterAll(async () => void (await program.stop()));

const CHANGED = { method: "notifications/tools/list_changed" };

function get(session: WireSession, lastEventId?: string): Promise<Response> {
  return fetch(url, {
    headers: {
      accept: "text/event-stream",
      "mcp-session-id": session.id,
      ...(lastEventId !== undefined && { "last-event-id": lastEventId }),
    },
  });
}

/** Watches a stream until it ends. */
function watch(stream: Listening): { readonly hasEnded: boolean } {
  const watched = { hasEnded: false };
  void stream.ended().then(() => (watched.hasEnded = true));
  return watched;
}

const cancel = (session: WireSession, requestId: number | string) =>
  session.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } });

/** A call whose stream has ended without its answer. @returns the last event id on it */
async function endStream(session: WireSession, key: string): Promise<string> {
  const call = listen(await session.start("hold", { key }, key));
  const { id = "" } = await call.nextEvent();
  await cancel(session, key);
  await call.ended();
  return id;
}

describe("found 26: the stream that a client listens on", () => {
  /** Does something with a session that listens, and shows that it still does. */
  async function surviving(disturb: (session: WireSession) => Promise<unknown>): Promise<void> {
    const session = await openSession(url);
    const stream = listen(await session.listen());
    await session.call("list_changed");
    expect(await stream.next()).toMatchObject(CHANGED);
    await disturb(session);
    await session.call("list_changed");
    expect(await stream.next()).toMatchObject(CHANGED);
    await stream.close();
  }

  test("is not replaced when the stream of an ended call is resumed: that gets 405, which stops clients from retrying", () =>
    surviving(async (session) => {
      const lost = await endStream(session, "lost");
      const refused = await get(session, lost);
      expect([refused.status, refused.headers.get("allow")]).toEqual([405, "POST, DELETE"]);
      expect((await readAnswer(refused)).error?.message).toContain("nothing to resume");
    }));

  test.each(["7_1", "1_999", "99999999999999999999_1", "what", "-1_0", "__proto__"])(
    "is left alone when a stream is resumed that is not known (%s)",
    (id) =>
      surviving(async (session) => {
        expect((await get(session, id)).status).toBe(405);
      }),
  );

  test("is not closed by a second GET, which gets the messages; when that ends, the first goes on with those it missed", async () => {
    const session = await openSession(url);
    const first = listen(await session.listen());
    await session.call("list_changed");
    await first.nextEvent();
    const second = listen(await session.listen());
    await session.call("list_changed");
    expect(await second.next()).toMatchObject(CHANGED);
    const missed = first.next();
    await second.close();
    expect(await missed).toMatchObject(CHANGED);
    await session.call("list_changed");
    expect(await first.next()).toMatchObject(CHANGED);
    await first.close();
  });

  test("is refused to the seventeenth client of a session with 405, which stops clients from retrying; no other ends", async () => {
    const session = await openSession(url);
    const streams = [];
    for (let count = 0; count < 16; count++) streams.push(listen(await session.listen()));
    const watched = streams.slice(0, -1).map(watch);
    const refused = await session.listen();
    expect([refused.status, refused.headers.get("allow")]).toEqual([405, "POST, DELETE"]);
    await session.call("list_changed");
    expect(await streams.at(-1)!.next()).toMatchObject(CHANGED);
    expect(watched.some(({ hasEnded }) => hasEnded)).toBeFalse();
    await session.end();
  });

  test("is not cut off by that of another client of its session, so that neither reconnects", async () => {
    const session = await openSession(url);
    let opened = 0;
    const stay = async () => {
      for (;;) {
        opened++;
        const response = await session.listen();
        if (!isEventStream(response)) return;
        await listen(response).ended();
      }
    };
    const staying = [stay(), stay()];
    await until("both listen", () => opened === 2);
    // Each of these is a round trip in which one could have cut the other off.
    for (let count = 0; count < 50; count++) await session.call("pid");
    expect(opened).toBe(2);
    await session.end();
    await Promise.all(staying);
    expect(opened).toBe(4);
  });

  test("may be resumed before we have seen its end, and gets the server's messages from then on", async () => {
    const session = await openSession(url);
    const first = listen(await session.listen());
    await session.call("list_changed");
    const { id = "" } = await first.nextEvent();
    const resumed = listen(await get(session, id));
    await session.call("list_changed");
    expect(await resumed.next()).toMatchObject(CHANGED);
    await first.close();
    await resumed.close();
    await session.call("list_changed");
    const again = listen(await get(session, id));
    expect(await again.next()).toMatchObject(CHANGED);
    expect(await again.next()).toMatchObject(CHANGED);
    await again.close();
  });
});

describe("found 26: a stream of a call", () => {
  test("that goes on is resumed by a second connection, and ends on both with the answer", async () => {
    const session = await openSession(url);
    const first = listen(await session.start("hold", { key: "both" }, "both"));
    const { id } = await first.nextEvent();
    const watched = watch(first);
    const second = listen(await get(session, id));
    for (let count = 0; count < 20; count++) await session.call("pid");
    expect(watched.hasEnded).toBeFalse();
    await session.call("release", { key: "both" });
    expect(await second.next()).toMatchObject({ id: "both", result: { released: "both" } });
    await second.ended();
    await until("the first ends", () => watched.hasEnded);
  });

  test("is resumed from its beginning when it was cut off before the first event", async () => {
    const session = await openSession(url);
    const events = listen(await session.start("hold", { key: "early" }, "early"));
    const { id = "" } = await events.nextEvent();
    await events.close();
    await session.call("release", { key: "early" });
    const texts = await (await get(session, id.replace(/_.*/, "_0"))).text();
    expect(texts).toContain("holding early");
    expect(texts).toContain('"released":"early"');
    // It has all messages then.
    const last = [...texts.matchAll(/^id: (.*)$/gm)].at(-1)![1]!;
    expect((await get(session, last)).status).toBe(405);
  });

  test("that is cancelled before it has begun carries no id to resume from", async () => {
    const session = await openSession(url);
    const call = session.start("hold_silently", { key: "silent" }, "silent");
    await until("the call is there", async () =>
      JSON.stringify(await session.call("history")).includes("hold_silently"),
    );
    await cancel(session, "silent");
    const response = await call;
    expect([isEventStream(response), (await response.text()).includes("id:")]).toEqual([true, false]);
  });
});
