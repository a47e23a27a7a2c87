// What the store keeps of sessions: the bounds, and the end of their grants.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import type { SessionRecord, SyncStore } from "../../src/store/store.ts";

const BOUNDS = { perCaller: 3, inAll: 5, usedAfter: 0 };
const SERVER = "server-1";

let store: SyncStore;
beforeEach(() => void (store = openSqliteStore(":memory:")));
afterEach(() => store.close());

const record = (hash: string, more: Partial<SessionRecord> = {}): SessionRecord => ({
  hash,
  serverId: SERVER,
  callerKey: "ada",
  grantId: null,
  setup: "what it has said",
  usedAt: 1,
  ...more,
});
const keep = (...records: SessionRecord[]) => store.keepSessions(records, BOUNDS);
const listKept = (...hashes: string[]) => hashes.filter((hash) => store.findSession(hash, SERVER, 0));

test("a session is found at its server alone, and until it has rested too long", () => {
  keep(record("a", { usedAt: 10 }));
  expect(store.findSession("a", SERVER, 9)).toEqual(record("a", { usedAt: 10 }));
  expect(store.findSession("a", SERVER, 10)).toBeUndefined();
  expect(store.findSession("a", "server-2", 9)).toBeUndefined();
  expect(store.findSession("b", SERVER, 9)).toBeUndefined();
});

test("what is kept again replaces what was, and what is removed is gone", () => {
  keep(record("a"), record("b"));
  keep(record("a", { setup: "more", grantId: "g", usedAt: 2 }));
  expect(store.findSession("a", SERVER, 0)).toMatchObject({ setup: "more", grantId: "g", usedAt: 2 });
  store.removeSessions(["a", "never"]);
  expect(listKept("a", "b")).toEqual(["b"]);
});

test("of too many of one caller, of too many in all and of those that rested too long the oldest go", () => {
  keep(...["a", "b", "c", "d"].map((hash, at) => record(hash, { usedAt: at })));
  expect(listKept("a", "b", "c", "d")).toEqual(["b", "c", "d"]);
  keep(...["e", "f", "g"].map((hash, at) => record(hash, { callerKey: "bob", usedAt: 10 + at })));
  expect(listKept("b", "c", "d", "e", "f", "g")).toEqual(["c", "d", "e", "f", "g"]);
  store.keepSessions([record("h", { usedAt: 20 })], { ...BOUNDS, usedAfter: 10 });
  expect(listKept("c", "d", "e", "f", "g", "h")).toEqual(["f", "g", "h"]);
});

describe("the end of a grant", () => {
  const HOUR = 3_600_000;
  const grant = (id: string, expiresAt = HOUR) => ({
    id,
    serverId: SERVER,
    serverName: "s",
    clientId: "c",
    clientName: "C",
    host: "",
    source: "",
    subject: "ada",
    scopes: ["mcp"],
    resources: ["http://127.0.0.1/mcp"],
    createdAt: 0,
    renewedAt: 0,
    usedAt: 0,
    expiresAt,
    endsAt: expiresAt,
  });
  function give(id: string, expiresAt?: number): void {
    const { serverId, clientId, subject, scopes, resources } = grant(id);
    const approval = { serverId, clientId, subject, scopes, resources };
    const code = { ...approval, redirectUri: "r", challenge: "c", source: "", clientName: "C" };
    store.addCode({ ...code, hash: id, expiresAt: 10 }, 0);
    const access = { hash: `access ${id}`, grantId: id, scopes, resources, issuedAt: 0, expiresAt: HOUR };
    expect(store.redeemCode(id, { grant: grant(id, expiresAt), access }, 1)).toBeTrue();
  }
  beforeEach(() => {
    give("one");
    give("other");
    keep(record("a", { grantId: "one" }), record("b", { grantId: "other" }), record("c"));
  });

  test("by revocation ends its sessions, and no others", () => {
    expect(store.revokeGrant("one", 2, "client")).toBeTrue();
    expect(listKept("a", "b", "c")).toEqual(["b", "c"]);
  });

  test("by revocation of all ends those of every grant, also of one that had run out", () => {
    keep(record("d", { callerKey: "bob", grantId: "long gone" }));
    expect(listKept("a", "b", "c", "d")).toHaveLength(4);
    store.revokeAllGrants(2);
    expect(listKept("a", "b", "c", "d")).toEqual(["c"]);
  });

  test("because its person is not configured any more ends its sessions", () => {
    const configured = { serverId: SERVER, resources: ["http://127.0.0.1/mcp"], subjects: new Set<string>() };
    store.revokeUnconfigured(configured, 2);
    expect(listKept("a", "b", "c")).toEqual(["c"]);
  });

  test("by revocation cannot be undone by a note that was on its way, unless the session has another grant by then", () => {
    store.revokeGrant("one", 2, "replay");
    keep(record("a", { grantId: "one" }));
    expect(listKept("a")).toEqual([]);
    keep(record("a", { grantId: "other" }));
    expect(listKept("a")).toEqual(["a"]);
  });

  test("ends a session that was used with it and is still kept under another grant", () => {
    store.revokeGrant("one", 2, "owner");
    keep(record("b", { grantId: "one" }));
    expect(listKept("a", "b", "c")).toEqual(["c"]);
  });

  test("by time alone ends none of its sessions", () => {
    give("short", 5);
    keep(record("d", { grantId: "short", usedAt: 5 }));
    store.sweep(6, { unusedBefore: 0, graceBegan: 0 });
    expect(store.listGrants(0).map(({ id }) => id)).not.toContain("short");
    expect(listKept("d")).toEqual(["d"]);
    keep(record("d", { grantId: "short", usedAt: 7 }));
    expect(listKept("d")).toEqual(["d"]);
  });
});
