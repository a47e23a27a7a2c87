// A way to sign in that sends the browser to another site: what the contract in src/oauth/sign-in/sign-in.ts promises it.
import { heapStats } from "bun:jsc";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { createPendingSignIns } from "../../src/oauth/endpoints/pending-sign-ins.ts";
import { parseParameters } from "../../src/oauth/wire/parameters.ts";
import {
  authorizeQuery,
  callResource,
  CALLBACK,
  errorOf,
  type Harness,
  type Json,
  MINUTE,
  openPage,
  redeem,
  registerClient,
  type ShownPage,
  startServer,
  submitPage,
  type Tokens,
} from "./harness.ts";
import { type IdentitySite, startIdentitySite } from "./identity-site.ts";

let site: IdentitySite;
let server: Harness;
let client: string;
beforeEach(async () => {
  site = startIdentitySite();
  server = await startServer({ signIn: site.signIn, scopes: { write: {} } });
  client = await registerClient(server.url, { client_name: "Some App" });
});
afterEach(async () => {
  await server.stop();
  await site[Symbol.asyncDispose]();
});

const approve = { decision: "approve" };

/** Approves, and lets the other site send the browser back. @returns the URL it comes back to */
async function signInElsewhere(page: ShownPage, typed: Record<string, string> = approve): Promise<string> {
  const away = await submitPage(server.url, page, typed);
  expect(away.status).toBe(303);
  const back = await fetch(away.headers.get("location") ?? "", { redirect: "manual" });
  return back.headers.get("location") ?? "";
}

const comeBack = (url: string, cookie: string) =>
  fetch(url, { redirect: "manual", headers: { Cookie: cookie } });

async function redeemAt(location: string | null): Promise<Response> {
  return redeem(server.url, client, new URL(location ?? "").searchParams.get("code") ?? "");
}

test("the page has no fields, and the person who signs in there is the one who approved", async () => {
  const page = await openPage(server.url, authorizeQuery(client, { scope: "mcp write" }));
  expect(page.html).not.toMatch(/<input(?![^>]*type="(?:hidden|checkbox)")/);
  expect(page.html).toContain("You sign in at example.com next.");
  const back = await comeBack(await signInElsewhere(page), page.cookie);
  expect(back.status).toBe(303);
  const location = back.headers.get("location") ?? "";
  expect(location).toStartWith(`${CALLBACK}?`);
  expect(new URL(location).searchParams.get("state")).toBe("s1");
  const tokens = (await (await redeemAt(location)).json()) as Tokens;
  // The box that was not ticked is still unticked after the way back.
  expect(tokens.scope).toBe("mcp");
  const who = (await (await callResource(server.url, tokens.access_token)).json()) as Json;
  expect(who["subject"]).toBe("ann@example.com");
  expect(server.events.map(({ state }) => state)).toEqual(["approved", "issued"]);
});

test("a person who may not approve is shown the page again, and the right one gets in from there", async () => {
  site.person = "eve@elsewhere.example";
  const page = await openPage(server.url, authorizeQuery(client));
  const refused = await comeBack(await signInElsewhere(page), page.cookie);
  expect(refused.status).toBe(401);
  expect(await refused.text()).toContain("You may not approve connections here.");
  expect(server.events.map(({ state }) => state)).toEqual(["login-failed"]);
  site.person = "ann@example.com";
  expect((await comeBack(await signInElsewhere(page), page.cookie)).headers.get("location")).toContain(
    "code=",
  );
});

test("a return is good once, in the browser it began in, and for ten minutes", async () => {
  const query = authorizeQuery(client);
  const [page, strange] = [await openPage(server.url, query), await openPage(server.url, query)];
  const back = await signInElsewhere(page);
  for (const cookie of ["", strange.cookie]) {
    const refused = await comeBack(back, cookie);
    expect([refused.status, refused.headers.get("location")]).toEqual([400, null]);
  }
  expect((await comeBack(back, page.cookie)).status).toBe(303);
  expect((await comeBack(back, page.cookie)).status).toBe(400);
  const late = await signInElsewhere(page);
  server.clock.now += 11 * MINUTE;
  const refused = await comeBack(late, page.cookie);
  expect(refused.status).toBe(400);
  expect(await refused.text()).toContain("This connection cannot be made");
  expect((await comeBack(`${server.url}/authorize/return`, page.cookie)).status).toBe(400);
});

test("an approval by a person who may no longer approve is not valid", async () => {
  const page = await openPage(server.url, authorizeQuery(client));
  const back = await comeBack(await signInElsewhere(page), page.cookie);
  const tokens = (await (await redeemAt(back.headers.get("location"))).json()) as Tokens;
  expect((await callResource(server.url, tokens.access_token)).status).toBe(200);
  const again = await comeBack(await signInElsewhere(page), page.cookie);
  site.mayApprove = () => false;
  expect((await callResource(server.url, tokens.access_token)).status).toBe(401);
  expect(await errorOf(await redeemAt(again.headers.get("location")))).toBe("invalid_grant");
});

test("one address can begin a limited number of sign-ins, and locks no one else out by it", async () => {
  const query = authorizeQuery(client);
  const page = await openPage(server.url, query);
  const statuses: number[] = [];
  for (let i = 0; i < 11; i += 1) statuses.push((await submitPage(server.url, page, approve)).status);
  expect(statuses).toEqual([...Array<number>(10).fill(303), 429]);
  for (let i = 0; i < 60; i += 1) {
    server.source.address = `198.51.100.${i}`;
    expect((await submitPage(server.url, page, approve)).status).toBe(303);
    expect((await submitPage(server.url, page, approve)).status).toBe(303);
  }
});

test("a crowd that begins sign-ins with long forms takes up little memory", async () => {
  const page = await openPage(server.url, authorizeQuery(client));
  const begin = (index: number) => {
    server.source.address = `2001:db8:0:${Math.floor(index / 10).toString(16)}::1`;
    return submitPage(server.url, page, { ...approve, other: `${index}${"x".repeat(50_000)}` });
  };
  await begin(0);
  Bun.gc(true);
  const before = heapStats().heapSize;
  for (let index = 1; index < 800; index += 1) expect((await begin(index)).status).toBe(303);
  Bun.gc(true);
  expect(heapStats().heapSize - before).toBeLessThan(20 * 2 ** 20);
});

test("a crowd that begins sign-ins from one network drives out no one else's", async () => {
  const page = await openPage(server.url, authorizeQuery(client));
  const back = await signInElsewhere(page);
  for (let index = 0; index < 1100; index += 1) {
    server.source.address = `2001:db8:0:${Math.floor(index / 10).toString(16)}::1`;
    expect((await submitPage(server.url, page, approve)).status).toBe(303);
  }
  expect((await comeBack(back, page.cookie)).headers.get("location")).toContain("code=");
});

test("an authorization request of any length is not kept", async () => {
  const query = `${authorizeQuery(client)}&other=${"x".repeat(9_000)}`;
  const page = await openPage(server.url, query);
  const refused = await submitPage(server.url, page, approve);
  const { searchParams } = new URL(refused.headers.get("location") ?? "");
  expect(searchParams.get("error")).toBe("invalid_request");
  expect(searchParams.get("error_description")).toBe("The authorization request is too long.");
});

test("sign-ins that were not ended are forgotten when their time is over", () => {
  const clock = { now: 0 };
  const pending = createPendingSignIns({ now: () => clock.now });
  const begin = (state: string) => {
    const form = parseParameters("");
    const resume = () => Promise.resolve({ kind: "wrong" as const });
    pending.add(state, { mark: "", network: "", query: "", form, resume });
    return new WeakRef(form);
  };
  const begun = Array.from({ length: 100 }, (_, index) => begin(`${index}`));
  clock.now += 11 * MINUTE;
  begin("later");
  Bun.gc(true);
  // The collector may take something on the stack for a reference.
  expect(begun.filter((one) => one.deref() !== undefined).length).toBeLessThan(10);
});

test("a browser that has signed in there before is counted by itself", async () => {
  const query = authorizeQuery(client);
  const [known, strange] = [await openPage(server.url, query), await openPage(server.url, query)];
  expect((await comeBack(await signInElsewhere(known), known.cookie)).status).toBe(303);
  for (let i = 0; i < 11; i += 1) await submitPage(server.url, strange, approve);
  expect((await submitPage(server.url, strange, approve)).status).toBe(429);
  expect((await comeBack(await signInElsewhere(known), known.cookie)).status).toBe(303);
});
