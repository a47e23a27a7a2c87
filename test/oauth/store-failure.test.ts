// A store that fails while the program runs: requests that need it are refused and may come again, the log says why
// once, nothing that timers do is lost, and no client is made to sign in again.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { SyncStore, Store } from "../../src/store/store.ts";
import {
  authorizeQuery,
  CALLBACK,
  callResource,
  connect,
  type Harness,
  MINUTE,
  obtainCode,
  openPage,
  postForm,
  redeem,
  refresh,
  register,
  registerClient,
  startServer,
  submitPage,
  until,
} from "./harness.ts";

const TROUBLE = "connection refused";
/** Chooses the operations that fail at the moment. */
let failing: (name: string) => boolean;
let ticks: (() => void)[];
let server: Harness;
const tick = () => ticks.forEach((work) => work());

/** @param answer how it fails */
function createFailingStore(inner: SyncStore, answer: () => unknown): Store {
  const operations = Object.entries(inner).map(([name, operation]) => [
    name,
    (...args: never[]) => (failing(name) ? answer() : operation(...args)),
  ]);
  return Object.fromEntries(operations) as Store;
}

const lines = (text: string) => server.logged.filter((line) => line.includes(text));

for (const [kind, fail] of [
  ["rejects", () => Promise.reject(new Error(TROUBLE))],
  [
    "throws",
    () => {
      throw new Error(TROUBLE);
    },
  ],
] as const)
  describe(`a store that ${kind}`, () => {
    beforeEach(async () => {
      failing = () => false;
      ticks = [];
      server = await startServer({
        wrapStore: (store) => createFailingStore(store, fail),
        schedule: (work) => {
          ticks.push(work);
          return () => void ticks.splice(ticks.indexOf(work), 1);
        },
      });
    });
    afterEach(() => server.stop());

    test("every endpoint answers 503 with Retry-After, and works when the store does", async () => {
      const { url } = server;
      const client = await registerClient(url);
      const code = await obtainCode(url, client);
      const { access_token, refresh_token } = await connect(url, client);
      failing = () => true;
      const answers = [
        await register(url),
        await redeem(url, client, code),
        await refresh(url, client, refresh_token),
        await postForm(url, "/revoke", { client_id: client, token: refresh_token }),
        await postForm(url, "/introspect", { client_id: client, token: access_token }),
        await callResource(url, access_token),
      ];
      for (const answer of answers) {
        expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "5"]);
        expect(answer.headers.get("www-authenticate")).toBeNull();
        expect(await answer.json()).toEqual({
          error: "temporarily_unavailable",
          error_description: "What is stored cannot be reached; try again shortly.",
        });
      }
      failing = () => false;
      expect((await callResource(url, access_token)).status).toBe(200);
      expect((await refresh(url, client, refresh_token)).status).toBe(200);
      expect((await redeem(url, client, code)).status).toBe(200);
    });

    test("refreshes that failed with the store do not count against the grant when it works again", async () => {
      const client = await registerClient(server.url);
      const { refresh_token } = await connect(server.url, client);
      failing = (name) => name === "rotateRefresh";
      for (let count = 0; count < 100; count++)
        expect((await refresh(server.url, client, refresh_token)).status).toBe(503);
      failing = () => false;
      expect((await refresh(server.url, client, refresh_token)).status).toBe(200);
    });

    test("the approval page says so, before and after the decision, and what is not decided can be decided again", async () => {
      const client = await registerClient(server.url);
      const page = await openPage(server.url, authorizeQuery(client));
      failing = () => true;
      for (const response of [
        (await openPage(server.url, authorizeQuery(client))).response,
        await submitPage(server.url, page),
      ])
        expect([response.status, response.headers.get("retry-after")]).toEqual([503, "5"]);
      expect((await openPage(server.url, authorizeQuery(client))).html).toContain("cannot reach what it has");
      failing = () => false;
      expect((await submitPage(server.url, page)).status).toBe(303);
    });

    test("a client whose redirect URI is trusted hears of it where OAuth says (RFC 6749 §4.1.2.1)", async () => {
      const trusted = "https://claude.ai/api/mcp/auth_callback";
      const client = await registerClient(server.url, { redirect_uris: [CALLBACK, trusted] });
      const page = await openPage(server.url, authorizeQuery(client, { redirect_uri: trusted }));
      failing = (name) => name === "addCode";
      const answer = await submitPage(server.url, page);
      const { searchParams } = new URL(answer.headers.get("location") ?? "");
      expect([...searchParams.keys()].toSorted()).toEqual(["error", "error_description", "iss", "state"]);
      expect(searchParams.get("error")).toBe("temporarily_unavailable");
    });

    test("only a hint of which clients to keep does not keep the page from being seen", async () => {
      const client = await registerClient(server.url);
      failing = (name) => name === "noteShown";
      expect((await openPage(server.url, authorizeQuery(client))).response.status).toBe(200);
    });

    test("the log says once what is wrong and what to do, and once that it is over", async () => {
      const client = await registerClient(server.url);
      const { access_token } = await connect(server.url, client);
      failing = () => true;
      for (let count = 0; count < 3; count++) {
        tick();
        await register(server.url);
        await callResource(server.url, access_token);
      }
      const said = lines("The store failed").filter((line) => line.includes("Check that"));
      expect(said).toHaveLength(1);
      expect(said[0]).toContain(`): ${TROUBLE}. Until it works again`);
      expect(lines("works again.")).toEqual([]);
      failing = () => false;
      tick();
      await until(() => lines("works again.").length === 1);
      // A full disk can still be read: only a write shows that it is over.
      failing = (name) => name === "addClient";
      await register(server.url);
      await callResource(server.url, access_token);
      expect(lines("works again.")).toHaveLength(1);
      tick();
      expect(lines("works again.")).toHaveLength(2);
    });

    test("when a grant was last used is written when the store works again", async () => {
      const { access_token } = await connect(server.url, await registerClient(server.url));
      const usedAt = () => server.store.listGrants(server.clock.now)[0]?.usedAt;
      failing = (name) => name === "noteUses";
      await callResource(server.url, access_token);
      const { now } = server.clock;
      tick();
      await until(() => lines("The store failed (noteUses)").length > 0);
      expect(usedAt()).toBeNull();
      server.clock.now += MINUTE;
      failing = () => false;
      tick();
      await until(() => usedAt() === now);
    });

    test("a grant that ended meanwhile is reported when the store works again", async () => {
      await connect(server.url, await registerClient(server.url));
      failing = (name) => name === "revocationsAfter";
      server.store.revokeAllGrants(server.clock.now);
      tick();
      expect(server.revoked).toEqual([]);
      failing = () => false;
      tick();
      await until(() => server.revoked.length === 1);
    });
  });
