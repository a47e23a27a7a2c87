// Tasks pass where both ends speak of the same kind of task, and are not offered where they do not.
// https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import {
  expose,
  OPEN,
  openSession,
  readAnswer,
  readEvents,
  type Wire,
  type WireSession,
} from "../eras/wire.ts";
import { ROOT, startProgram, type Program } from "../program.ts";
import { createStatelessClient } from "./stateless-wire.ts";

const EVERYTHING = join(ROOT, "node_modules/@modelcontextprotocol/server-everything");
let program: Program;
let session: WireSession;

beforeAll(async () => {
  program = await startProgram([...OPEN, EVERYTHING]);
  session = await openSession(program.ready.local);
});
afterAll(async () => void (await program.stop()));

const ask = async (id: number, method: string, params: object) =>
  readAnswer(await session.send({ jsonrpc: "2.0", id, method, params }));

describe("a task of 2025-11-25 between ends with sessions", () => {
  test("is begun, looked up, listed and waited for", async () => {
    const begun = await ask(101, "tools/call", {
      name: "simulate-research-query",
      arguments: { topic: "bridges" },
      task: { ttl: 60_000 },
    });
    const { taskId } = (begun.result as { task: { taskId: string } }).task;
    expect(await ask(102, "tasks/get", { taskId })).toMatchObject({ result: { taskId, status: "working" } });
    const { tasks } = (await ask(103, "tasks/list", {})).result as { tasks: { taskId: string }[] };
    expect(tasks.map((task) => task.taskId)).toContain(taskId);
    const result = await ask(104, "tasks/result", { taskId });
    expect(JSON.stringify(result.result)).toContain("Research Report: bridges");
  });

  test("asks the client on the stream of the call that waits for its result", async () => {
    const begun = await ask(201, "tools/call", {
      name: "simulate-research-query",
      arguments: { topic: "python", ambiguous: true },
      task: { ttl: 60_000 },
    });
    const { taskId } = (begun.result as { task: { taskId: string } }).task;
    const waiting = await session.send({
      jsonrpc: "2.0",
      id: 202,
      method: "tasks/result",
      params: { taskId },
    });
    let result: unknown;
    for await (const { event, data } of readEvents(waiting)) {
      const message = (event !== "message" || data === "" ? {} : JSON.parse(data)) as Wire;
      const reply = { action: "accept", content: { interpretation: "snake" } };
      if (message.method === "elicitation/create")
        await session.send({ jsonrpc: "2.0", id: message.id, result: reply });
      if (message.id === 202) result = message.result;
    }
    expect(JSON.stringify(result)).toContain("python (snake)");
  });
});

test("a client without sessions is not offered a server's older kind of task", async () => {
  const client = createStatelessClient(program.ready.local);
  const discovered = await readAnswer(await client.request("server/discover"));
  expect((discovered.result as { capabilities: object }).capabilities).not.toHaveProperty("tasks");
  const listed = await readAnswer(await client.request("tools/list"));
  expect(JSON.stringify(listed.result)).not.toContain('"execution"');
  expect((await client.request("tasks/list")).status).toBe(404);
});

test("a task of the extension passes between ends without sessions, untouched", async () => {
  await using server = await expose("stateless");
  const client = createStatelessClient(server.ready.local);
  const task = {
    resultType: "task",
    task: { taskId: "t 1", status: "working", ttlMs: 1.0, pollIntervalMs: 5 },
  };
  const reply = `{"jsonrpc":"2.0","id":$ID,"result":${JSON.stringify(task)}}`;
  expect((await client.call("raw", { reply })).result).toEqual(task);

  const refused = await client.request("tasks/get", { taskId: "t 1" });
  expect([refused.status, (await readAnswer(refused)).error?.code]).toEqual([400, -32020]);
  await client.request("tasks/get", { taskId: "t 1" }, { headers: { "mcp-name": "t 1" } });
  expect(await client.history()).toContainEqual(
    expect.objectContaining({ method: "tasks/get", params: expect.objectContaining({ taskId: "t 1" }) }),
  );
});
