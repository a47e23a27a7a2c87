// `--watch`: the server's file changes under connected clients of both eras, and none of them notices more than the change.
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { AppEvent } from "../../src/app/app.ts";
import { OPEN, openSession, post, readAnswer, type Wire } from "../eras/wire.ts";
import { CLIENTS, type MatrixClient } from "../matrix/clients.ts";
import { startProgram, type Program } from "../program.ts";
import { createEditedServer, writeV1, writeV2, type EditedServer, type Version } from "./edited-server.ts";
import { until } from "./until.ts";

setDefaultTimeout(60_000);

const legacy = CLIENTS["SDK v1 over streamable HTTP"];
const modern = CLIENTS["SDK v2 pinned to 2026-07-28"];
const sse = CLIENTS["SDK v1 over HTTP+SSE"];

interface Watched extends EditedServer {
  program: Program;
  /** Saves a version, and waits until a client is answered by it. */
  saveAndSee(source: string, version: number, client: MatrixClient): Promise<void>;
}

async function watchEdited(
  source: string,
  work: (watched: Watched) => Promise<void>,
  words: readonly string[] = [],
): Promise<void> {
  using server = createEditedServer(source);
  await using program = await startProgram([...OPEN, "--watch", ...words, server.file]);
  await work({
    ...server,
    program,
    async saveAndSee(next, version, client) {
      server.save(next);
      await until(`version ${version} answers`, async () => (await versionOf(client)) === version);
    },
  });
}

async function versionOf(client: MatrixClient): Promise<number> {
  return ((await client.call("version")).said as { version: number }).version;
}

function countEvents({ events }: Program, what: AppEvent["event"]): number {
  return events.filter(({ event }) => event === what).length;
}

/** Requests on the wire of a method. */
function countRequests({ events }: Program, method: string): number {
  return events.filter((event) => event.event === "request" && event.method === method).length;
}

describe.each([
  ["SDK v1", writeV1],
  ["SDK v2", writeV2],
])("a server on %s", (_name, write) => {
  test("that is saved answers its connected clients with the new code, and none begins anew", () =>
    watchEdited(write({ version: 1 }), async ({ program, saveAndSee }) => {
      const clients = await Promise.all([legacy, modern, sse].map((connect) => connect(program.ready)));
      for (const client of clients) expect(await versionOf(client)).toBe(1);
      const begun = countRequests(program, "initialize");
      await saveAndSee(write({ version: 2 }), 2, clients[0]!);
      for (const client of clients) expect(await versionOf(client)).toBe(2);
      expect(countRequests(program, "initialize")).toBe(begun);
      for (const client of clients) await client.close();
    }));

  test("that has other tools is announced to clients of both eras, and what changed is said once", () =>
    watchEdited(write({ version: 1, tools: { old_tool: [], search: ["query"] } }), async (watched) => {
      const { program, saveAndSee } = watched;
      const clients = await Promise.all([legacy, modern].map((connect) => connect(program.ready)));
      for (const client of clients) {
        await client.listTools();
        await client.listenTo("tools");
      }
      await saveAndSee(
        write({ version: 2, tools: { search: ["query", "limit"], new_tool: [] } }),
        2,
        clients[0]!,
      );
      for (const client of clients)
        await until("the change is announced", () => client.told.includes("tools"));
      await until("the change is said", () => countEvents(program, "tools") > 0);
      for (const client of clients) {
        const names = (await client.listTools()).map(({ name }) => name);
        expect(names).toEqual(["version", "search", "new_tool"]);
        await client.close();
      }
      const said = program.events.filter(({ event }) => event === "tools");
      expect(said).toHaveLength(1);
      expect(said[0]).toMatchObject({ added: ["new_tool"], removed: ["old_tool"], changed: ["search"] });
    }));

  test("whose save changes a comment alone announces nothing", () =>
    watchEdited(write({ version: 1, tools: { one: [] } }), async ({ program, saveAndSee }) => {
      const clients = await Promise.all([legacy, modern].map((connect) => connect(program.ready)));
      for (const client of clients) {
        await client.listTools();
        await client.listenTo("tools");
      }
      await saveAndSee(write({ version: 2, tools: { one: [] }, comment: "Better." }), 2, clients[0]!);
      // By the next change everything that this one announces has been said.
      await saveAndSee(write({ version: 3, tools: { two: [] } }), 3, clients[0]!);
      for (const client of clients) await until("it is announced", () => client.told.includes("tools"));
      await until("it is said", () => countEvents(program, "tools") > 0);
      expect(countEvents(program, "tools")).toBe(1);
      for (const client of clients) {
        expect(client.told.filter((what) => what === "tools")).toHaveLength(1);
        await client.close();
      }
    }));
});

test("a server that moves from SDK v1 to v2 and back keeps both eras of client", () =>
  watchEdited(writeV1({ version: 1 }), async ({ program, saveAndSee }) => {
    const clients = await Promise.all([legacy, modern, sse].map((connect) => connect(program.ready)));
    await saveAndSee(writeV2({ version: 2 }), 2, clients[0]!);
    for (const client of clients) expect(await versionOf(client)).toBe(2);
    await saveAndSee(writeV1({ version: 3 }), 3, clients[1]!);
    for (const client of clients) {
      expect(await versionOf(client)).toBe(3);
      await client.close();
    }
  }));

test("a broken save is told to the model and the person within a second, and the next save mends it", () =>
  watchEdited(writeV1({ version: 1 }), async ({ program, save }) => {
    const session = await openSession(program.ready.url);
    const tell = async () =>
      (await session.call("version")).result as { isError?: true; content: { text: string }[] };
    expect((await tell()).isError).toBeUndefined();
    save(`console.error("cannot find module 'left-pad'"); process.exit(1);\n${writeV1({ version: 2 })}`);
    await until("the call says why", async () => (await tell()).content[0]!.text.includes("left-pad"));
    const started = countStarts(program);
    const begun = performance.now();
    expect(await tell()).toMatchObject({ isError: true });
    expect(performance.now() - begun).toBeLessThan(1_000);
    const list = await readAnswer(await session.send({ jsonrpc: "2.0", id: "l", method: "tools/list" }));
    expect(list.error?.code).toBe(-32603);
    const stranger = await readAnswer(await post(program.ready.url, { ...INITIALIZE_AGAIN, id: "i" }));
    expect(stranger.error?.code).toBe(-32603);
    expect(countStarts(program)).toBe(started);
    save(writeV1({ version: 3 }));
    await until("the next save answers", async () => (await tell()).content[0]!.text.includes('"version":3'));
  }));

const INITIALIZE_AGAIN = {
  jsonrpc: "2.0",
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "new", version: "1" } },
};

function countStarts({ events }: Program): number {
  return events.filter((event) => event.event === "child" && event.state === "started").length;
}

test("calls in flight are finished by the old code, and those that come meanwhile by the new", () =>
  watchEdited(writeV1({ version: 1 }), async ({ program, save }) => {
    const client = await legacy(program.ready);
    const inFlight = client.call("version", { ms: 1_500 });
    const other = await legacy(program.ready);
    expect(await versionOf(other)).toBe(1);
    save(writeV1({ version: 2 }));
    await until("the restart begins", () =>
      program.events.some((event) => event.event === "child" && event.state === "restarting"),
    );
    expect(await versionOf(other)).toBe(2);
    expect((await inFlight).said).toMatchObject({ version: 1 });
    await client.close();
    await other.close();
  }));

/** Ends if its port is taken: two of it are never there at the same time. */
function holdPort(port: number): string {
  return `import { createServer } from "node:net";
const holder = createServer();
await new Promise((resolve, reject) => holder.listen(${port}, "127.0.0.1", resolve).once("error", reject));`;
}

test("fifty saves under load, before a server that holds a TCP port: each call is answered, one process is left", async () => {
  const port = await findFreePort();
  const version = (number: number): Version => ({ version: number, before: holdPort(port) });
  const words = ["--process", "shared"];
  await watchEdited(
    writeV1(version(0)),
    async ({ program, save }) => {
      const sessions = await Promise.all(Array.from({ length: 4 }, () => openSession(program.ready.url)));
      const done = { saves: 0, answers: 0 };
      const wrong: Wire[] = [];
      const load = sessions.map(async (session) => {
        while (done.saves < 50) {
          const response = await session.start("version");
          const answer = await readAnswer(response);
          const isTold = /restart/i.test(answer.error?.message ?? JSON.stringify(answer.result ?? {}));
          if (response.status !== 200 || (answer.error !== undefined && !isTold)) wrong.push(answer);
          else done.answers++;
        }
      });
      while (done.saves < 50) {
        const before = done.answers;
        save(writeV1(version(++done.saves)));
        await until("calls go on", () => done.answers > before + 2);
      }
      await Promise.all(load);
      expect(wrong).toEqual([]);
      const last = async () => JSON.stringify((await sessions[0]!.call("version")).result);
      await until("the last save answers", async () => (await last()).includes('\\"version\\":50'));
      for (const session of sessions) expect((await session.call("version")).error).toBeUndefined();
      expect(
        program.events.filter(
          (event) => event.event === "child" && event.state === "exited" && !event.isOurs,
        ),
      ).toEqual([]);
      await until("one process is left", () => listLiving(program).length === 1);
    },
    words,
  );
});

/** The server processes that have been started and not ended. */
function listLiving({ events }: Program): number[] {
  const living = new Set<number>();
  for (const event of events) {
    if (event.event !== "child" || event.pid === undefined) continue;
    if (event.state === "started") living.add(event.pid);
    if (event.state === "exited") living.delete(event.pid);
  }
  return [...living];
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
