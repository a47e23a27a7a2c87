// Clients of the SDKs over the ends of what serves them: the program is stopped, or killed, and started again under an open
// client, and processes make room for others. No client begins anew, and none notices.
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expose, fixture, readStarts, type Wire } from "../eras/wire.ts";
import { signIn } from "../faults/sign-in.ts";
import { startProgram, type Program } from "../program.ts";

setDefaultTimeout(60_000);

const WHO = { token: "paste-me-please" };
const INFO = { name: "restart-test", version: "1" };

interface Connected {
  call(name: string): Promise<Record<string, unknown>>;
  setLevel(): Promise<unknown>;
  subscribe(uri: string): Promise<unknown>;
  close(): Promise<void>;
}

interface Wires {
  headers: Record<string, string>;
  fetch: (url: string | URL, init?: RequestInit) => Promise<Response>;
}

const SDKS: Record<string, (url: string, wires: Wires) => Promise<Connected>> = {
  async "SDK v1"(url, { headers, fetch }) {
    const client = new ClientV1(INFO);
    await client.connect(new HttpV1(new URL(url), { fetch, requestInit: { headers } }));
    return {
      call: (name) => client.callTool({ name, arguments: {} }),
      setLevel: () => client.setLoggingLevel("warning"),
      subscribe: (uri) => client.subscribeResource({ uri }),
      close: () => client.close(),
    };
  },
  async "SDK v2"(url, { headers, fetch }) {
    const client = new ClientV2(INFO, { versionNegotiation: { mode: "legacy" } });
    await client.connect(new HttpV2(new URL(url), { fetch, requestInit: { headers } }));
    return {
      call: (name) => client.callTool({ name, arguments: {} }),
      setLevel: () => client.setLoggingLevel("warning"),
      subscribe: (uri) => client.subscribeResource({ uri }),
      close: () => client.close(),
    };
  },
};

/** Passes everything on, and counts the `initialize`. */
function watch(headers: Record<string, string> = {}) {
  const seen = { initialize: 0, headers, fetch: pass };
  async function pass(url: string | URL, init?: RequestInit): Promise<Response> {
    if (typeof init?.body === "string" && init.body.includes('"method":"initialize"')) seen.initialize++;
    return fetch(url, init);
  }
  return seen;
}

let folder: string;
let where: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mcp-expose-restart-"));
  where = join(folder, "state.db");
});
afterEach(() => rmSync(folder, { recursive: true }));

const start = (port = 0, words: readonly string[] = []) =>
  startProgram(["--tunnel", "none", "--token", WHO.token, "--store", where, ...words, fixture("obedient")], {
    port,
    faulty: true,
  });
const portOf = ({ ready }: Program) => Number(new URL(ready.url).port);

describe.each(Object.keys(SDKS))("%s", (sdk) => {
  test.each(["SIGTERM", "SIGKILL"] as const)(
    "goes on when the program ends by %s and is started again: level and subscriptions hold",
    async (signal) => {
      const before = await start();
      const { url } = before.ready;
      const { headers } = await signIn(url, WHO);
      const wires = watch(headers);
      const client = await SDKS[sdk]!(url, wires);
      await client.setLevel();
      await client.subscribe("file:///one");
      const pid = (await client.call("pid"))["pid"];
      await before.stop(signal);
      await using after = await start(portOf(before));
      const again = await Promise.all(Array.from({ length: 5 }, () => client.call("pid")));
      expect(new Set(again.map((result) => result["pid"])).size).toBe(1);
      expect(again[0]!["pid"]).toBeNumber();
      expect(again[0]!["pid"]).not.toBe(pid);
      const { history } = (await client.call("history")) as { history: string[] };
      const lines = history
        .map((line) => JSON.parse(line) as Wire)
        .filter(({ method }) => method !== "server/discover");
      expect(lines.slice(0, 2).map(({ method }) => method)).toEqual([
        "initialize",
        "notifications/initialized",
      ]);
      expect(lines).toContainEqual(
        expect.objectContaining({ method: "logging/setLevel", params: { level: "warning" } }),
      );
      expect(lines).toContainEqual(
        expect.objectContaining({ method: "resources/subscribe", params: { uri: "file:///one" } }),
      );
      expect(wires.initialize).toBe(1);
      // The one that was kept warm, and at most its replacement.
      expect((await readStarts(after)).length).toBeLessThanOrEqual(2);
      await client.close();
    },
  );

  test("goes on with three clients on two processes, for ever, also when all of them call at once", async () => {
    await using program = await expose("obedient", ["--max-children", "2"]);
    const wires = [watch(), watch(), watch()];
    const clients: Connected[] = [];
    for (const wire of wires) clients.push(await SDKS[sdk]!(program.ready.url, wire));
    for (let round = 0; round < 5; round++)
      for (const client of clients) expect((await client.call("pid"))["pid"]).toBeNumber();
    for (let round = 0; round < 5; round++) await Promise.all(clients.map((client) => client.call("pid")));
    expect(wires.map(({ initialize }) => initialize)).toEqual([1, 1, 1]);
    await Promise.all(clients.map((client) => client.close()));
  });
});
