import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../src/errors.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import type { Grant, SyncStore } from "../../src/store/store.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mcp-expose-store-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const modeOf = (path: string) => statSync(path).mode & 0o777;

function failureOf(where: string): UserError {
  try {
    openSqliteStore(where).close();
  } catch (thrown) {
    if (thrown instanceof UserError) return thrown;
    throw thrown;
  }
  throw new Error(`"${where}" was opened`);
}

describe("the file", () => {
  test("S13: is made for its owner alone, as are its companions and its folder", () => {
    const before = process.umask(0);
    const where = join(folder, "new", "deep", "state.db");
    const store = openSqliteStore(where);
    process.umask(before);
    store.addClient(client("a"), room(10));
    for (const suffix of ["", "-wal", "-shm"]) expect(modeOf(where + suffix)).toBe(0o600);
    expect(modeOf(join(folder, "new", "deep"))).toBe(0o700);
    expect(modeOf(join(folder, "new"))).toBe(0o700);
    store.close();
  });

  test("S13: that others could read is closed to them", () => {
    const where = join(folder, "state.db");
    openSqliteStore(where).close();
    chmodSync(where, 0o644);
    openSqliteStore(where).close();
    expect(modeOf(where)).toBe(0o600);
  });

  const unusable: Record<string, () => string> = {
    "a folder": () => folder,
    "something below a file": () => {
      writeFileSync(join(folder, "file"), "");
      return join(folder, "file", "state.db");
    },
    "a place where nothing can be written": () => "/proc/mcp-expose/state.db",
    "a text file": () => {
      writeFileSync(join(folder, "text"), "hello ".repeat(1000));
      return join(folder, "text");
    },
    "a damaged database": () => {
      const where = join(folder, "state.db");
      const store = openSqliteStore(where);
      for (let i = 0; i < 500; i += 1) store.addClient(client(`client ${i}`), room(1000));
      store.close();
      const db = new Database(where);
      db.run("PRAGMA wal_checkpoint(TRUNCATE)");
      db.close();
      const size = statSync(where).size;
      const damage = new Uint8Array(size - 8192).fill(0xaa);
      const bytes = new Uint8Array(readFileSync(where));
      bytes.set(damage, 8192);
      writeFileSync(where, bytes);
      return where;
    },
  };
  for (const [what, make] of Object.entries(unusable)) {
    test(`that is ${what} is refused with its name, a hint and exit code 1`, () => {
      const where = make();
      const failure = failureOf(where);
      expect(failure.message).toContain(`"${where}"`);
      expect(failure.hint).toContain("--store");
      expect(failure.exitCode).toBe(1);
    });
  }

  /**
   * The output of another process that opens a file under some limit. Another user may not be able to reach the
   * checkout, so that both programs are copied for it.
   */
  async function openElsewhere(
    where: string,
    limit: string,
    uid?: number,
  ): Promise<{ status: number | null; printed: string }> {
    const script = join(folder, "open.ts");
    const store = JSON.stringify(join(import.meta.dir, "../../src/store/sqlite/sqlite-store.ts"));
    writeFileSync(
      script,
      `import { openSqliteStore } from ${store};
      try { openSqliteStore(${JSON.stringify(where)}).close(); } catch (thrown) { console.log(thrown.message, thrown.hint); process.exit(thrown.exitCode); }`,
    );
    const options = {
      encoding: "utf8",
      cwd: folder,
      ...(uid === undefined ? {} : { uid, gid: uid }),
    } as const;
    const words =
      uid === undefined ? [process.execPath, script] : [copyRuntime(), await bundleScript(script)];
    const { status, stdout } = spawnSync("sh", ["-c", `${limit}; exec "$0" "$1"`, ...words], options);
    return { status, printed: stdout };
  }

  function copyRuntime(): string {
    const copy = join(folder, "bun");
    copyFileSync(process.execPath, copy);
    chmodSync(copy, 0o755);
    return copy;
  }

  async function bundleScript(script: string): Promise<string> {
    const { outputs } = await Bun.build({
      entrypoints: [script],
      target: "bun",
      outdir: join(folder, "bundle"),
    });
    chmodSync(join(folder, "bundle"), 0o755);
    chmodSync(outputs[0]!.path, 0o644);
    return outputs[0]!.path;
  }

  for (const what of ["a new file", "a file that is in use"]) {
    test(`S13: ${what} on a full disk is refused at the start`, async () => {
      const where = join(folder, "state.db");
      if (what !== "a new file") openSqliteStore(where).close();
      const full = await openElsewhere(where, 'trap "" XFSZ; ulimit -f 16');
      expect(full).toEqual({
        status: 1,
        printed: expect.stringContaining(`Cannot use the store "${where}"`),
      });
      expect(full.printed).toContain("disk");
      expect((await openElsewhere(where, ":")).status).toBe(0);
    });
  }

  test("S13: that cannot be written is refused at the start", async () => {
    const where = join(folder, "state.db");
    openSqliteStore(where).close();
    const nobody = process.getuid?.() === 0 ? 65534 : undefined;
    chmodSync(folder, 0o755);
    chmodSync(where, 0o444);
    if (nobody === undefined) chmodSync(folder, 0o555);
    const refused = await openElsewhere(where, ":", nobody);
    chmodSync(folder, 0o755);
    expect(refused).toEqual({
      status: 1,
      printed: expect.stringContaining(`Cannot use the store "${where}"`),
    });
    expect(refused.printed).toContain("--store");
  });

  test.skipIf(process.getuid?.() !== 0)(
    "found 44: is opened by another user with a copy of the program, wherever the checkout lies",
    async () => {
      chmodSync(folder, 0o755);
      mkdirSync(join(folder, "theirs"));
      chownSync(join(folder, "theirs"), 65534, 65534);
      expect(await openElsewhere(join(folder, "theirs", "state.db"), ":", 65534)).toEqual({
        status: 0,
        printed: "",
      });
    },
  );

  test("of version 1 becomes a current one, and what was in it still works", () => {
    const where = join(folder, "state.db");
    const old = new Database(where);
    old.run(readFileSync(join(import.meta.dir, "version-1.sql"), "utf8"));
    old.close();
    const store = openSqliteStore(where);
    expect(store.findClient("c")?.metadata.redirect_uris).toEqual(["https://a.example/cb"]);
    expect(store.findAccess("g-a", 100)).toMatchObject({ grantId: "g", subject: "ann" });
    expect(store.findRefresh(named("g-r"), 100)).toMatchObject({ grantId: "g", replaced: null });
    expect(store.findCode("code", 900)?.grantId).toBe("g");
    expect(store.useAssertion("h", 200, 100)).toBe(true);
    expect(store.revokeGrant("g", 100, "owner")).toBe(true);
    expect(store.revocationsAfter(0, "s").revoked.map(({ grantId, reason }) => [grantId, reason])).toEqual([
      ["old", "owner"],
      ["g", "owner"],
    ]);
    store.close();
    expect(() => openSqliteStore(where).close()).not.toThrow();
  });

  test("that several processes open for the first time at the same moment works for all of them", async () => {
    const where = join(folder, "state.db");
    const script = join(folder, "add.ts");
    const module = JSON.stringify(join(import.meta.dir, "../../src/store/sqlite/sqlite-store.ts"));
    writeFileSync(
      script,
      `const { openSqliteStore } = await import(${module});
      const store = openSqliteStore(${JSON.stringify(where)});
      const metadata = { redirect_uris: [], token_endpoint_auth_method: "none", grant_types: [], response_types: [] };
      for (let i = 0; i < 50; i += 1) store.addClient({ id: process.argv[2] + i, secretHash: null, metadata, createdAt: i }, { limit: 1e9, network: "", shownSince: 0 });
      store.close();`,
    );
    const children = ["a", "b", "c", "d"].map((name) => Bun.spawn([process.execPath, script, name]));
    expect(await Promise.all(children.map(({ exited }) => exited))).toEqual([0, 0, 0, 0]);
    const store = openSqliteStore(where);
    for (const name of ["a", "b", "c", "d"]) expect(store.findClient(`${name}49`)).toBeDefined();
    store.close();
  });

  test("of a newer version is refused and left alone", () => {
    const where = join(folder, "state.db");
    const db = new Database(where);
    db.run("PRAGMA user_version = 99");
    db.close();
    expect(failureOf(where).message).toContain("newer version");
    const after = new Database(where);
    expect(after.query("SELECT count(*) AS tables FROM sqlite_schema").get()).toEqual({ tables: 0 });
    after.close();
  });

  test("is none for the store that is called memory", () => {
    openSqliteStore(":memory:").close();
    expect(existsSync("memory")).toBe(false);
  });

  test("survives the death of its process in the middle of writing", async () => {
    const where = join(folder, "state.db");
    const script = `
      import { openSqliteStore } from ${JSON.stringify(join(import.meta.dir, "../../src/store/sqlite/sqlite-store.ts"))};
      const store = openSqliteStore(${JSON.stringify(where)});
      for (let i = 0; ; i += 1) {
        const metadata = { redirect_uris: [], token_endpoint_auth_method: "none", grant_types: [], response_types: [] };
        store.addClient({ id: "c" + i, secretHash: null, metadata, createdAt: i }, { limit: 1e9, network: "", shownSince: 0 });
        if (i % 10 === 9) process.stdout.write(i + "\\n");
      }`;
    mkdirSync(join(folder, "scripts"));
    writeFileSync(join(folder, "scripts", "write.ts"), script);
    const child = Bun.spawn([process.execPath, join(folder, "scripts", "write.ts")], { stdout: "pipe" });
    let acknowledged = "";
    for await (const chunk of child.stdout) {
      acknowledged += new TextDecoder().decode(chunk);
      if (acknowledged.length > 500) child.kill("SIGKILL");
    }
    await child.exited;
    const last = acknowledged.slice(0, acknowledged.lastIndexOf("\n")).split("\n").at(-1);
    const store = openSqliteStore(where);
    expect(store.findClient(`c${last}`)).toBeDefined();
    store.close();
  });
});

function client(id: string, createdAt = 0) {
  const metadata = {
    redirect_uris: ["https://a.example/cb"],
    token_endpoint_auth_method: "none" as const,
    grant_types: ["authorization_code"],
    response_types: ["code"],
    client_name: "__proto__",
  };
  return { id, secretHash: null, createdAt, metadata };
}

/** Hash and family of a refresh token. */
const named = (hash: string) => ({ hash, family: `family of ${hash}` });
const SWEPT = { unusedBefore: 0, graceBegan: 0 };

const room = (limit: number, network = "here", shownSince = 0) => ({ limit, network, shownSince });

const approval = {
  serverId: "s",
  clientId: "c",
  subject: "ann",
  scopes: ["mcp"],
  resources: ["https://h/mcp"],
};

function code(hash: string, expiresAt = 100) {
  return {
    ...approval,
    hash,
    redirectUri: "https://a.example/cb",
    challenge: "x",
    source: "",
    clientName: "client",
    expiresAt,
  };
}

function issued(id: string) {
  const grant: Grant = {
    ...approval,
    id,
    serverName: "server",
    clientName: "client",
    host: "a.example",
    source: "192.0.2.1",
    createdAt: 1,
    renewedAt: 1,
    usedAt: null,
    expiresAt: 1e3,
    endsAt: 5e3,
  };
  const access = {
    hash: `${id}-a`,
    grantId: id,
    scopes: ["mcp", "x"],
    resources: approval.resources,
    issuedAt: 1,
    expiresAt: 500,
  };
  return { grant, access, refresh: { ...named(`${id}-r`), grantId: id, issuedAt: 1, expiresAt: 1000 } };
}

for (const kind of ["memory", "a file"]) {
  describe(`a store in ${kind}`, () => {
    let store: SyncStore;
    beforeEach(() => {
      store = openSqliteStore(kind === "memory" ? ":memory:" : join(folder, "state.db"));
    });
    afterEach(() => store.close());

    function grant(id: string) {
      store.addCode(code(`code-${id}`), 1);
      expect(store.redeemCode(`code-${id}`, issued(id), 2)).toBe(true);
    }

    test("gives a client back as it was", () => {
      store.addClient(client("c"), room(10));
      expect(store.findClient("c")).toEqual(client("c"));
      expect(store.findClient("C")).toBeUndefined();
    });

    test("drops the oldest clients that no one approved when there are too many", () => {
      for (const [index, id] of ["old", "used", "young"].entries())
        store.addClient(client(id, index), room(10));
      store.addCode({ ...code("h"), clientId: "used" }, 1);
      store.addClient(client("newest", 9), room(2));
      expect(["old", "used", "young", "newest"].map((id) => store.findClient(id) !== undefined)).toEqual([
        false,
        true,
        true,
        true,
      ]);
    });

    test("found 10: keeps clients that are being approved, and lets the network with the most make room", () => {
      const add = (id: string, network: string, at: number) =>
        store.addClient(client(id, at), room(4, network, at - 100));
      const kept = () => ["a", "b1", "b2", "b3", "b4", "c"].filter((id) => store.findClient(id)).join(" ");
      add("a", "A", 1);
      for (const [at, id] of ["b1", "b2", "b3"].entries()) add(id, "B", 2 + at);
      store.noteShown("b1", 6);
      add("c", "C", 7);
      expect(kept()).toBe("a b1 b3 c");
      add("b4", "B", 8);
      expect(kept()).toBe("a b1 b4 c");
      // Its page is not being looked at any more.
      add("b2", "B", 200);
      expect(kept()).toBe("a b2 b4 c");
      // The new one goes in although others are being approved: of its own network the one that was looked at first goes.
      for (const [at, id] of ["b2", "b4"].entries()) store.noteShown(id, 210 + at);
      add("b1", "B", 220);
      expect(kept()).toBe("a b1 b4 c");
      // While its page is being looked at, it is not swept either.
      store.noteShown("a", 300);
      store.sweep(310, { unusedBefore: 290, graceBegan: 0 });
      expect(kept()).toBe("a");
    });

    test("keeps what a client's document said when it was approved last, among the used ones", () => {
      const document = { ...client("https://a.example/app.json"), createdAt: 5 };
      const approve = (hash: string, kept: typeof document) =>
        store.addCode({ ...code(hash), clientId: document.id }, 6, kept);
      approve("h1", document);
      approve("h2", { ...document, metadata: { ...document.metadata, client_name: "new" } });
      store.sweep(1e6, { unusedBefore: 1e6, graceBegan: 0 });
      expect(store.findClient(document.id)?.metadata.client_name).toBe("new");
    });

    test("takes an assertion once, and forgets it when it has run out", () => {
      expect(store.useAssertion("h", 100, 1)).toBe(true);
      expect(store.useAssertion("h", 100, 99)).toBe(false);
      expect(store.useAssertion("other", 100, 99)).toBe(true);
      expect(store.useAssertion("h", 300, 100)).toBe(true);
    });

    test("redeems a code once and remembers for which grant", () => {
      store.addCode(code("h"), 1);
      expect(store.findCode("h", 99)).toEqual({ ...code("h"), grantId: null });
      expect(store.redeemCode("h", issued("g"), 99)).toBe(true);
      expect(store.redeemCode("h", issued("g2"), 99)).toBe(false);
      expect(store.findCode("h", 900)?.grantId).toBe("g");
      expect(store.listGrants(99)).toEqual([issued("g").grant]);
    });

    test("does not redeem or return a code that ran out, swept or not", () => {
      store.addCode(code("h", 100), 1);
      expect(store.findCode("h", 100)).toBeUndefined();
      expect(store.redeemCode("h", issued("g"), 100)).toBe(false);
      expect(store.listGrants(100)).toEqual([]);
    });

    test("returns an access token with its grant's approval until it ends", () => {
      grant("g");
      expect(store.findAccess("g-a", 499)).toEqual({
        ...approval,
        scopes: ["mcp", "x"],
        grantId: "g",
        clientName: "client",
        issuedAt: 1,
        expiresAt: 500,
      });
      expect(store.findAccess("g-a", 500)).toBeUndefined();
      store.removeAccess("g-a");
      expect(store.findAccess("g-a", 1)).toBeUndefined();
    });

    test("rotates a refresh token once", () => {
      grant("g");
      const rotation = {
        hash: "g-r",
        encryptedSuccessor: "sealed",
        expiresAt: 2e3,
        successor: {
          ...named("r2"),
          grantId: "g",
          issuedAt: 50,
          expiresAt: 2e3,
        },
        access: {
          ...issued("g").access,
          hash: "a2",
        },
      };
      expect(store.rotateRefresh(rotation, 50)).toBe(true);
      expect(store.rotateRefresh({ ...rotation, successor: { ...rotation.successor, hash: "r3" } }, 51)).toBe(
        false,
      );
      expect(store.findRefresh(named("g-r"), 52)?.replaced).toEqual({ at: 50, encryptedSuccessor: "sealed" });
      expect(store.findRefresh(named("r2"), 52)).toMatchObject({
        replaced: null,
        grant: { expiresAt: 2000, renewedAt: 50 },
      });
      expect(store.findRefresh(named("r3"), 52)).toBeUndefined();
      expect(store.findAccess("a2", 52)).toBeDefined();
      expect(store.findRefresh(named("r2"), 2000)).toBeUndefined();
    });

    test("found 22: keeps a thousand access tokens of a grant at a time, the newest", () => {
      grant("g");
      grant("other");
      const { access } = issued("g");
      for (let count = 1; count <= 1000; count += 1)
        store.addAccess({ ...access, hash: `more-${count}`, issuedAt: 1 + count });
      const isKept = (hash: string) => store.findAccess(hash, 2) !== undefined;
      expect(["g-a", "more-1", "more-1000", "other-a"].map(isKept)).toEqual([false, true, true, true]);
    });

    test("does half of nothing when a later step fails", () => {
      grant("g");
      store.addCode(code("other"), 1);
      expect(() => store.redeemCode("other", { ...issued("new"), access: issued("g").access }, 2)).toThrow();
      expect(store.listGrants(2).map(({ id }) => id)).toEqual(["g"]);
      expect(store.redeemCode("other", issued("new"), 3)).toBe(true);
    });

    test("ends everything of a grant with it and lists the revocation for its server", () => {
      grant("g");
      grant("h");
      const start = store.revocationsAfter(undefined, "s");
      expect(store.revokeGrant("g", 5, "client")).toBe(true);
      expect(store.findAccess("g-a", 6)).toBeUndefined();
      expect(store.findRefresh(named("g-r"), 6)).toBeUndefined();
      expect(store.findCode("code-g", 6)).toBeUndefined();
      expect(store.addAccess({ ...issued("g").access, hash: "late" })).toBe(false);
      expect(store.findAccess("h-a", 6)).toBeDefined();
      const { cursor, revoked } = store.revocationsAfter(start.cursor, "s");
      const { clientId, subject } = approval;
      expect(revoked).toEqual([{ grantId: "g", clientId, clientName: "client", subject, reason: "client" }]);
      expect(store.revocationsAfter(cursor, "s").revoked).toEqual([]);
      expect(store.revocationsAfter(start.cursor, "other").revoked).toEqual([]);
    });

    test("found 4: remembers for a month who lost access by being taken out, and forgets other ends in an hour", () => {
      const hour = 3_600_000;
      grant("gone");
      grant("revoked");
      store.revokeGrant("gone", 5, "unconfigured");
      store.revokeGrant("revoked", 5, "owner");
      const ids = (now: number) => store.listEnded(now, "unconfigured").map(({ id }) => id);
      expect(store.listEnded(6, "unconfigured")).toEqual([
        { id: "gone", clientId: "c", clientName: "client", subject: "ann", endedAt: 5 },
      ]);
      store.sweep(5 + hour, SWEPT);
      expect(store.revocationsAfter(0, "s").revoked.map(({ grantId }) => grantId)).toEqual(["gone"]);
      expect(ids(5 + hour)).toEqual(["gone"]);
      expect(ids(5 + 30 * 24 * hour)).toEqual([]);
      store.sweep(5 + 30 * 24 * hour, SWEPT);
      expect(store.revocationsAfter(0, "s").revoked).toEqual([]);
    });

    test("sweeps what ran out and keeps the rest", () => {
      grant("g");
      store.addCode(code("unused", 100), 1);
      store.sweep(600, SWEPT);
      expect(store.findAccess("g-a", 1)).toBeUndefined();
      expect(store.findCode("unused", 1)).toBeUndefined();
      expect(store.findRefresh(named("g-r"), 600)).toBeDefined();
      expect(store.findCode("code-g", 600)).toBeDefined();
      store.sweep(1000, SWEPT);
      expect(store.findRefresh(named("g-r"), 1)).toBeUndefined();
      expect(store.listGrants(1)).toEqual([]);
    });
  });
}

describe("tool lists that clients were shown", () => {
  const list = (callerKey: string, fetchedAt: number, serverId = "s") => ({
    serverId,
    callerKey,
    fetchedAt,
    tools: `${callerKey}${fetchedAt}`,
  });
  const ALL = { perServer: 10, fetchedAfter: 0 };

  test("are kept over a run, the last one of each client", () => {
    const where = join(folder, "state.db");
    const first = openSqliteStore(where);
    first.keepToolLists([list("ann", 1), list("bob", 2)], ALL);
    first.keepToolLists([list("ann", 3)], ALL);
    first.close();
    const store = openSqliteStore(where);
    expect(store.findToolList("s", "ann")).toEqual(list("ann", 3));
    expect(store.findToolList("s", "bob")).toEqual(list("bob", 2));
    expect(store.findToolList("other", "ann")).toBeUndefined();
    store.close();
  });

  test("are bounded for each server, and in time", () => {
    const store = openSqliteStore(":memory:");
    store.keepToolLists([list("x", 1, "other")], ALL);
    store.keepToolLists([list("a", 5), list("b", 6), list("c", 4)], { ...ALL, perServer: 2 });
    expect(["a", "b", "c"].map((key) => store.findToolList("s", key)?.fetchedAt)).toEqual([5, 6, undefined]);
    expect(store.findToolList("other", "x")).toBeDefined();
    store.keepToolLists([list("d", 9)], { ...ALL, fetchedAfter: 5 });
    expect(["a", "b", "d"].map((key) => store.findToolList("s", key)?.fetchedAt)).toEqual([undefined, 6, 9]);
    expect(store.findToolList("other", "x")).toBeUndefined();
    store.close();
  });
});
