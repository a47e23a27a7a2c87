// Every era of client on every era of server, through the program, both on the official SDK: everything the
// protocol lets a server do with its client.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { until } from "../eras/wire.ts";
import { startProgram, type Program } from "../program.ts";
import { ANSWERS, CLIENTS, ROOTS, THOUGHT, type MatrixClient } from "./clients.ts";
import { NUMBERS, OTHER_PAGE, PAGE, PROMPT, RESOURCE } from "./servers/offers.ts";

type ServerName = "v1" | "v2-modern" | "v2-dual";
const SERVERS: readonly ServerName[] = ["v1", "v2-modern", "v2-dual"];
const OPEN = ["--auth", "none", "--tunnel", "none"];

const NAME = ANSWERS["What is your name?"];
const COLOR = ANSWERS["What is your favorite color?"];

/** One of these is what a client can expect of a server. */
type Feature = (client: MatrixClient) => Promise<void>;

const FEATURES = {
  async "lists the tools"({ listTools }) {
    const tools = await listTools();
    expect(tools.map(({ name }) => name)).toEqual(expect.arrayContaining(["add", "wait", "change"]));
  },
  async "calls a tool with structured output"({ listTools, call }) {
    await listTools();
    expect((await call("add", { a: 1, b: 2 })).structuredContent).toEqual({ sum: 3 });
  },
  async "is asked by a form"({ call, asked }) {
    expect((await call("ask_form")).said).toEqual({ name: NAME });
    expect(asked).toEqual(["What is your name?"]);
  },
  async "is sent to a page"({ call, asked }) {
    expect((await call("ask_page")).said).toEqual({ page: { action: "accept" } });
    expect(asked).toEqual([PAGE.url]);
  },
  async "is asked two things at once"({ call, asked }) {
    expect((await call("ask_at_once")).said).toEqual({ name: NAME, color: COLOR });
    expect(asked.sort()).toEqual(["What is your favorite color?", "What is your name?"]);
  },
  async "is asked one thing after the other"({ call, asked }) {
    expect((await call("ask_in_turn")).said).toEqual({ name: NAME, color: COLOR });
    expect(asked).toEqual(["What is your name?", "What is your favorite color?"]);
  },
  async "lends its model"({ call, asked }) {
    expect((await call("sample")).said).toEqual({ thought: THOUGHT });
    expect(asked).toEqual(["sampling"]);
  },
  async "shows its roots"({ call, asked }) {
    expect((await call("roots")).said).toEqual({ roots: ROOTS });
    expect(asked).toEqual(["roots"]);
  },
  async "is asked in the course of a prompt"({ getPrompt, asked }) {
    expect(JSON.parse(await getPrompt(PROMPT.name))).toEqual(NAME);
    expect(asked).toEqual(["What is your name?"]);
  },
  async "hears of progress, in order"({ call }) {
    const steps: number[] = [];
    const key = crypto.randomUUID();
    const report = call("report", { key }, { onprogress: ({ progress }) => void steps.push(progress) });
    await until("the last step", () => steps.length > 2);
    await call("heard", { key });
    expect((await report).said).toBe("done");
    expect(steps).toEqual([1, 2, 3]);
  },
  async "hears the log lines of the level it wants"({ call, told }) {
    await call("log", {}, { logLevel: "warning" });
    await until("the warning", () => told.length > 0);
    await call("log", {}, { logLevel: "debug" });
    await until("everything", () => told.length > 2);
    expect(told).toEqual(["a warning", "a detail", "a warning"]);
  },
  async "cancels a call, and the server stops"({ call }) {
    const key = crypto.randomUUID();
    const controller = new AbortController();
    const started = Promise.withResolvers<void>();
    const options = { signal: controller.signal, onprogress: () => started.resolve() };
    const outcome = call("wait", { key }, options).catch((thrown: unknown) => thrown);
    await started.promise;
    controller.abort();
    expect(await outcome).toBeInstanceOf(Error);
    await until("the server to stop", async () =>
      ((await call("cancelled")).said as unknown[]).includes(key),
    );
  },
  async "hears that a resource it asked about has changed"({ call, listenTo, told }) {
    const stop = await listenTo(RESOURCE.uri);
    await call("touch");
    await until("the update", () => told.length > 0);
    await stop();
    expect(told).toEqual([RESOURCE.uri]);
  },
  async "hears that the tools have changed"({ call, listenTo, told }) {
    const stop = await listenTo("tools");
    await call("change");
    await until("the change", () => told.length > 0);
    await stop();
    expect(told).toEqual(["tools"]);
  },
} satisfies Record<string, Feature>;

for (const server of SERVERS)
  describe(`a ${server} server`, () => {
    let program: Program;
    beforeAll(async () => {
      const file = join(import.meta.dir, `servers/${server}.ts`);
      program = await startProgram([...OPEN, "--", process.execPath, file]);
    });
    afterAll(async () => void (await program.stop()));

    for (const [name, connect] of Object.entries(CLIENTS))
      describe(`and a client on ${name}`, () => {
        const isOld = !/2026|chooses/.test(name);
        let client: MatrixClient;
        beforeAll(async () => {
          client = await connect(program.ready);
        });
        beforeEach(() => {
          client.asked.length = 0;
          client.told.length = 0;
        });
        afterAll(() => client.close());

        // HTTP+SSE says nowhere which revision was agreed on.
        if (!name.endsWith("SSE"))
          test("agree on the newest revision that the client knows", () => {
            expect(client.revision).toBe(isOld ? "2025-11-25" : "2026-07-28");
          });

        for (const [feature, run] of Object.entries(FEATURES)) test(feature, () => run(client));

        if (server === "v1")
          // The error −32042 is of 2025-11-25 alone; newer servers ask.
          test(
            isOld ? "is refused until it has been to a page" : "is sent to a page it must visit first",
            () => (isOld ? visitByError(client) : visitByQuestion(client)),
          );
        // Servers before 2026-07-28 have no output but objects.
        else
          test("gets an output that is not an object", () =>
            isOld ? getWrapped(client) : getNumbers(client));
      });
  });

async function visitByError({ call, asked }: MatrixClient): Promise<void> {
  const who = crypto.randomUUID();
  const refusal = await call("need_page", { who }).catch((thrown: unknown) => thrown);
  const elicitations = [PAGE, OTHER_PAGE].map(({ url }) => ({ mode: "url", url }));
  expect(refusal).toMatchObject({ code: -32042, data: { elicitations } });
  expect((await call("need_page", { who })).said).toBe("been there");
  expect(asked).toEqual([]);
}

async function visitByQuestion({ call, asked }: MatrixClient): Promise<void> {
  expect((await call("need_page", { who: crypto.randomUUID() })).said).toBe("been there");
  expect(asked.sort()).toEqual([PAGE.url, OTHER_PAGE.url].sort());
}

async function getNumbers({ listTools, call }: MatrixClient): Promise<void> {
  const tools = await listTools();
  expect(tools.find(({ name }) => name === "numbers")?.outputSchema).toEqual(NUMBERS);
  expect((await call("numbers")).structuredContent).toEqual([1, 2, 3]);
  expect((await call("either")).structuredContent).toEqual({ sum: 3 });
}

/** Older clients know objects alone, and refuse a whole list of tools for one that has another output. */
async function getWrapped({ listTools, call }: MatrixClient): Promise<void> {
  const tools = await listTools();
  expect(tools.find(({ name }) => name === "numbers")?.outputSchema).toMatchObject({
    type: "object",
    properties: { result: { type: "array" } },
    required: ["result"],
  });
  expect((await call("numbers")).structuredContent).toEqual({ result: [1, 2, 3] });
  // An object, too, where it might have been something else.
  expect((await call("either")).structuredContent).toEqual({ result: { sum: 3 } });
}
