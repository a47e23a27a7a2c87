// Many requests at once, on the store that answers at once and on one that waits and answers out of order.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  approve,
  authorizeQuery,
  callResource,
  connect,
  errorOf,
  type Harness,
  obtainCode,
  openPage,
  postForm,
  redeem,
  refresh,
  register,
  registerClient,
  startServer,
  submitPage,
  type Tokens,
} from "./harness.ts";
import { createSlowStore } from "../store/slow-store.ts";
import type { SyncStore } from "../../src/store/store.ts";

const MANY = Array.from({ length: 20 });
const tokensOf = async (response: Response) => (await response.json()) as Tokens;

for (const kind of ["answers at once", "waits"])
  describe(`on a store that ${kind}`, () => {
    let server: Harness;
    let client: string;
    const wrapStore = (store: SyncStore) => (kind === "waits" ? createSlowStore(store) : store);
    beforeEach(async () => {
      server = await startServer({ wrapStore });
      client = await registerClient(server.url);
    });
    afterEach(() => server.stop());

    const statusOf = async (token: string) => (await callResource(server.url, token)).status;
    const countGrants = () => server.store.listGrants(server.clock.now).length;

    test("of twenty redemptions of one code one gets tokens, and as the others are replays the grant ends", async () => {
      const code = await obtainCode(server.url, client);
      const answers = await Promise.all(MANY.map(() => redeem(server.url, client, code)));
      const [winner, ...more] = answers.filter(({ status }) => status === 200);
      expect(more).toEqual([]);
      for (const answer of answers)
        if (answer !== winner) expect(await errorOf(answer)).toBe("invalid_grant");
      expect(await statusOf((await tokensOf(winner!)).access_token)).toBe(401);
      expect(countGrants()).toBe(0);
      expect(server.events.filter(({ state }) => state === "issued")).toHaveLength(1);
      expect(server.events.filter(({ state }) => state === "revoked")).toHaveLength(1);
    });

    test("of twenty refreshes with one token all get the same successor, and nothing else of the family is good", async () => {
      const { refresh_token } = await connect(server.url, client);
      const answers = await Promise.all(MANY.map(() => refresh(server.url, client, refresh_token)));
      expect(answers.map(({ status }) => status)).toEqual(MANY.map(() => 200));
      const issued = await Promise.all(answers.map(tokensOf));
      expect(new Set(issued.map((tokens) => tokens.refresh_token)).size).toBe(1);
      expect(new Set(issued.map((tokens) => tokens.access_token)).size).toBe(MANY.length);
      for (const { access_token } of issued) expect(await statusOf(access_token)).toBe(200);
      expect((await refresh(server.url, client, issued[0]!.refresh_token)).status).toBe(200);
    });

    test("a burst of registrations ends at the limit of its source, and of the store", async () => {
      const answers = await Promise.all(Array.from({ length: 100 }, () => register(server.url)));
      // The one of beforeEach counts.
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(59);
      expect(answers.filter(({ status }) => status === 429)).toHaveLength(41);
    });

    test("a grant that is renewed no more than a hundred times a minute is not renewed faster by many at once", async () => {
      let { refresh_token } = await connect(server.url, client);
      for (let count = 0; count < 99; count++)
        ({ refresh_token } = await tokensOf(await refresh(server.url, client, refresh_token)));
      const answers = await Promise.all(MANY.map(() => refresh(server.url, client, refresh_token)));
      for (const one of answers.filter(({ status }) => status === 200))
        ({ refresh_token } = await tokensOf(one));
      expect((await refresh(server.url, client, refresh_token)).status).toBe(429);
    });

    test("a token approved, redeemed or refreshed during a revocation of everything is valid afterwards, or not at all", async () => {
      const page = await openPage(server.url, authorizeQuery(client));
      const codes = await Promise.all(MANY.map(() => obtainCode(server.url, client)));
      const grants = await Promise.all(MANY.slice(10).map(() => connect(server.url, client)));
      const revoke = async () => server.store.revokeAllGrants(server.clock.now);
      const [approved, redeemed, refreshed] = await Promise.all([
        submitPage(server.url, page),
        Promise.all(codes.map((code) => redeem(server.url, client, code))),
        Promise.all(grants.map(({ refresh_token }) => refresh(server.url, client, refresh_token))),
        revoke(),
        callResource(server.url, grants[0]!.access_token).then(revoke),
      ]);
      expect(new URL(approved.headers.get("location") ?? "").searchParams.get("code")).toBeString();
      for (const answer of [...redeemed, ...refreshed]) expect([200, 400]).toContain(answer.status);
      await revoke();
      for (const answer of [...redeemed, ...refreshed])
        if (answer.status === 200) {
          const { access_token, refresh_token } = await tokensOf(answer);
          expect(await statusOf(access_token)).toBe(401);
          expect(await errorOf(await refresh(server.url, client, refresh_token))).toBe("invalid_grant");
        }
      for (const { access_token } of grants) expect(await statusOf(access_token)).toBe(401);
      expect(countGrants()).toBe(0);
    });

    test("a grant that is revoked at the endpoint by many at once is reported once, before they are answered", async () => {
      const { access_token, refresh_token } = await connect(server.url, client);
      const revoke = () => postForm(server.url, "/revoke", { client_id: client, token: refresh_token });
      const reported = () => server.events.filter(({ state }) => state === "revoked").length;
      const counts = await Promise.all(MANY.map(() => revoke().then(reported)));
      expect(counts).toEqual(MANY.map(() => 1));
      expect(server.revoked).toHaveLength(1);
      expect(await statusOf(access_token)).toBe(401);
    });

    test("an approval is sent to its client only when it is stored", async () => {
      const codes = await Promise.all(MANY.map(() => approve(server.url, authorizeQuery(client))));
      const redeemed = await Promise.all(
        codes.map((to) => redeem(server.url, client, to.searchParams.get("code") ?? "")),
      );
      expect(redeemed.map(({ status }) => status)).toEqual(MANY.map(() => 200));
      expect(countGrants()).toBe(MANY.length);
    });
  });

test("an access token whose grant ends while the store looks for it is not let in any more", async () => {
  const asked = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const server = await startServer({
    wrapStore: (store) => ({
      ...store,
      findAccess: async (hash, now) => {
        const found = store.findAccess(hash, now);
        asked.resolve();
        await held.promise;
        return found;
      },
    }),
  });
  const { access_token } = await connect(server.url, await registerClient(server.url));
  const call = callResource(server.url, access_token);
  await asked.promise;
  server.store.revokeAllGrants(server.clock.now);
  held.resolve();
  expect((await call).status).toBe(401);
  await server.stop();
});
