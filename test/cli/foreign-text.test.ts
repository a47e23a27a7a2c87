// Every text that a client, a server, a tunnel's program or a stranger's document can choose, on its way to the terminal: it is
// shown as text, never as a terminal command, a line of its own or invisible characters.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { createLog } from "../../src/log.ts";
import { printable, printableLine, printableText, toJsonLine } from "../../src/printable.ts";
import { fixture, INITIALIZE, openSession, post, until } from "../eras/wire.ts";
import { connectRaw } from "../faults/socket.ts";
import { describeApp } from "../oauth/document-host.ts";
import {
  authorizeQuery,
  connect,
  obtainCode,
  openPage,
  postForm,
  register,
  submitPage,
  TOKEN,
} from "../oauth/harness.ts";
import { type Program, ROOT, runProgram, startProgram } from "../program.ts";
import { exposeThroughNgrok } from "../tunnel/through-ngrok.ts";

setDefaultTimeout(60_000);

/** Text that a terminal would obey or not show; a line of ours, after every kind of line end. */
const FOUL = [
  "\x1b[2J\x1b[31m\x1b]0;title\x07\x1b]8;;https://evil.example\x1b\\link\x9b2J\x90x\x9c",
  ...["\r\n", "\n", "\r", "\v", "\f", "\x85", "\u2028", "\u2029"].map((end) => `${end}✓ FORGED`),
  "\u202e\u2066\u200b\u200d\u00ad\u2060\u3164\u180e\ufe0f\u{e0041}\u{e000}\ufeff\x7f\x08\x01",
].join("");
/** As a header can carry it: bytes. */
/** Without characters that no method may hold: such a message is refused before its method is shown. */
const FOUL_BUT_CONTROLS = FOUL.replace(/[\p{Cc}\p{Cs}]/gu, "");
const FOUL_BYTES = "\x9b2J\x85\x90\x9c\xff";

const HIDDEN = /(?!\n)[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

/** Fails when anything of it is more than text, or looks like a line of ours. */
function expectPrintable(shown: string): void {
  const bad = shown.split("\n").filter((line) => HIDDEN.test(line) || /^\s*(?:[·✓!✗…]\s*)*FORGED/.test(line));
  expect(bad.map((line) => JSON.stringify(line))).toEqual([]);
}

/** Fails unless each line is one JSON object, for every definition of a line end. */
function expectJsonLines(stdout: string): void {
  expectPrintable(stdout);
  for (const line of stdout.split(/\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/).filter(Boolean))
    expect(JSON.parse(line)).toBeObject();
}

describe("on one screen", () => {
  let program: Program;
  let issuer: string;
  const documents = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url }) =>
      Response.json({ ...describeApp(url), client_name: `document ${FOUL}`, client_uri: FOUL }),
  });
  beforeAll(async () => {
    const words = [
      "--tunnel",
      "none",
      "--token",
      TOKEN,
      "--verbose",
      "--env",
      `FOUL=${FOUL}`,
      fixture("foul"),
    ];
    program = await startProgram(words, { env: { MCP_EXPOSE_ALLOW_PRIVATE_FETCH: "1" } });
    issuer = program.ready.issuer ?? "";
  });
  afterAll(async () => {
    await program.stop();
    await documents.stop(true);
  });

  const isShown = (text: string) => until(`"${text}" is shown`, () => program.stderr().includes(text));

  test("found 5: a client's name, addresses and scopes are shown as text", async () => {
    const metadata = {
      client_name: `client ${FOUL}`,
      client_uri: `https://x.example/${FOUL}`,
      software_id: FOUL,
    };
    const id = ((await (await register(issuer, metadata)).json()) as { client_id: string }).client_id;
    const page = await openPage(issuer, authorizeQuery(id));
    await submitPage(issuer, page, { decision: "deny" });
    await submitPage(issuer, page, { token: FOUL, decision: "approve" });
    await connect(issuer, id);
    for (const more of [
      { scope: FOUL },
      { resource: FOUL },
      { client_id: FOUL },
      { redirect_uri: FOUL },
      { state: FOUL },
    ])
      await openPage(issuer, authorizeQuery(id, { ...more }));
    for (const redirect of ["http://127.0.0.1:1/%0A✓ FORGED", `evil.app://${FOUL}/x`, FOUL])
      await register(issuer, { redirect_uris: [redirect], client_name: FOUL });
    for (const path of ["/token", "/revoke", "/introspect"])
      for (const client of [id, FOUL])
        await postForm(issuer, path, {
          grant_type: FOUL,
          token: FOUL,
          code: FOUL,
          client_id: client,
          client_secret: FOUL,
        });
    const code = await obtainCode(issuer, id);
    const fields = { grant_type: "authorization_code", client_id: id, code, code_verifier: "v".repeat(43) };
    for (let twice = 0; twice < 2; twice++) await postForm(issuer, "/token", fields);
    await isShown('"client link');
    await isShown("was approved by the owner");
    await isShown("was used twice");
    expectPrintable(program.stderr());
  });

  test("found 5: members of a client's document are shown as text", async () => {
    const id = `http://127.0.0.1:${documents.port}/app.json`;
    await connect(issuer, id);
    await openPage(issuer, authorizeQuery(`https://nowhere.invalid/${encodeURIComponent(FOUL)}`));
    await openPage(issuer, authorizeQuery(`https://${FOUL}.invalid/x`));
    await isShown('"document link');
    expectPrintable(program.stderr());
  });

  test("found 5: tools, callers and the server's own texts are shown as text", async () => {
    const headers = {
      authorization: `Bearer ${(await connect(issuer, await clientOf(issuer))).access_token}`,
      "user-agent": FOUL_BYTES,
    };
    const { url } = program.ready;
    const clientInfo = { name: FOUL, version: FOUL, title: FOUL };
    await post(url, { ...INITIALIZE, params: { ...INITIALIZE.params, clientInfo } }, headers);
    const session = await openSession(url, headers);
    await session.send({ jsonrpc: "2.0", id: FOUL, method: "tools/list", params: {} });
    await session.call(`tool ${FOUL}`);
    await session.send({
      jsonrpc: "2.0",
      id: 7,
      method: `method ${FOUL_BUT_CONTROLS}`,
      params: { name: FOUL },
    });
    await session.send({ jsonrpc: "2.0", id: 8, method: "resources/read", params: { uri: `uri ${FOUL}` } });
    await session.send({ jsonrpc: "2.0", id: `answer ${FOUL}`, result: {} });
    await session.send({ jsonrpc: "2.0", method: FOUL });
    await post(url, INITIALIZE, {
      ...headers,
      "mcp-session-id": FOUL_BYTES,
      "mcp-protocol-version": FOUL_BYTES,
    });
    await post(url, INITIALIZE, { authorization: `Bearer ${FOUL_BYTES}` });
    for (const shown of [
      "tools/call tool link",
      "  method ",
      "resources/read uri link",
      "foul | stderr link",
    ])
      await isShown(shown);
    await isShown('dropped: "stdout link');
    expectPrintable(program.stderr());
  });

  test("found 5: paths, hosts and methods that break HTTP's rules are shown as text", async () => {
    const { host } = new URL(issuer);
    const requests = [
      `GET /p%1b[2J%0a%0d%e2%9c%93%20FORGED%c2%9b%e2%80%ae HTTP/1.1\r\nHost: ${host}`,
      `GET /authorize/%0a%e2%9c%93%20FORGED?%0a HTTP/1.1\r\nHost: ${host}`,
      `GET /token%0a%e2%9c%93%20FORGED HTTP/1.1\r\nHost: ${host}`,
      `GET /\x9b2J\x85\xff\x7f HTTP/1.1\r\nHost: ${host}`,
      `GET /h HTTP/1.1\r\nHost: ${FOUL_BYTES}`,
      `GET /h HTTP/1.1\r\nHost: x\x1b[2J`,
      `POST /mcp HTTP/1.1\r\nHost: ${host}\r\nOrigin: ${FOUL_BYTES}\r\nContent-Length: 0`,
      `POST /token HTTP/1.1\r\nHost: ${host}\r\nContent-Type: ${FOUL_BYTES}\r\nContent-Length: 0`,
    ];
    for (const head of requests) {
      const socket = await connectRaw(issuer);
      await socket.write(Buffer.from(`${head}\r\nConnection: close\r\n\r\n`, "latin1"));
      await socket.ended();
    }
    await isShown("GET  /p%1b[2J%0a%0d%e2%9c%93%20FORGED");
    expectPrintable(program.stderr());
  });

  test("found 5: with --json each event stays one object on one line, with every character kept", async () => {
    await isShown("tools/call tool link");
    const named = await program.next(
      (event) => event.event === "request" && event.name === `tool ${FOUL}`.slice(0, 120),
    );
    expect(named).toBeDefined();
    expectJsonLines(program.stdout());
  });
});

test.each([
  [[], "foul | stderr link"],
  [["--quiet"], "  | stderr link"],
])("found 5: the last words of a server that ends before it answers (%p)", async (words, shown) => {
  const own = [
    "--auth",
    "none",
    "--tunnel",
    "none",
    "--port",
    "0",
    "--env",
    `FOUL=${FOUL}`,
    "--env",
    "FOUL_END=1",
  ];
  const people = await runProgram([...words, ...own, fixture("foul")]);
  expect([people.exitCode, people.stdout]).toEqual([1, ""]);
  expect(people.stderr).toContain(shown);
  expectPrintable(people.stderr);
  const { stdout } = await runProgram(["--json", ...words, ...own, fixture("foul")]);
  expectJsonLines(stdout);
});

describe("a tunnel's program", () => {
  test.each([[[]], [["--json", "--verbose"]]])("found 5: its last words (%p)", async (words) => {
    const env = {
      PATH: `${join(ROOT, "test/fixtures/bin")}:${process.env["PATH"]}`,
      STAND_IN: "foul",
      STAND_IN_SAYS: `cloud ${FOUL}`,
    };
    const own = ["--tunnel", "cloudflared", "--port", "0", "--store", "memory", fixture("obedient")];
    const { exitCode, stdout, stderr } = await runProgram([...words, ...own], { env });
    expect(exitCode).toBe(1);
    expect(stderr).toContain("  | cloud link");
    expectPrintable(stderr);
    expectJsonLines(stdout);
  });

  test("found 5: ngrok's reason for ending a tunnel is shown as text", async () => {
    const words = ["--verbose", "--auth", "none", "--yes-public", fixture("obedient")];
    await using exposed = await exposeThroughNgrok(words);
    const { ingress, program } = exposed;
    ingress.sessions[0]?.stopTunnel(ingress.binds[0]!.id, `ngrok ${FOUL}`, "ERR_NGROK_9999");
    expect(await program.exited).toBe(1);
    expect(program.stderr()).toContain("ngrok refused: ngrok");
    expectPrintable(program.stderr());
    expectJsonLines(program.stdout());
  });
});

test.each([
  [["--nonsense" + FOUL]],
  [["--port", FOUL]],
  [["--public-url", FOUL]],
  [[`./${FOUL}.js`]],
  [["grants", "revoke", FOUL]],
])("found 5: what was typed, or was set by a script, where it is refused (%#)", async (words) => {
  const { exitCode, stderr } = await runProgram(words, { env: { XDG_STATE_HOME: "/nonexistent" } });
  expect(exitCode).toBe(2);
  expect(stderr).not.toMatch(/\x1b|\x9b|\u202e/);
});

describe("one function for all of it", () => {
  test("found 5: makes one line of a text, of bounded length, and an empty one of an invisible text", () => {
    expect(printable(`Claude${FOUL}`)).toStartWith("Claudelink");
    expectPrintable(printable(FOUL));
    expect(printable("Ünïcödé 名前 😀 עברית")).toBe("Ünïcödé 名前 😀 עברית");
    expect(printable("\u200b\u3164\u00ad \n\u{e0041}")).toBe("");
    expect(Array.from(printable("😀".repeat(1000), 60))).toHaveLength(60);
    expect(printable("x".repeat(10_000_000), 60)).toHaveLength(60);
    expect(printable("half \ud83d of one")).toBe("half \ufffd of one");
    expect(printableLine("\tat x.ts  (1)\u2028✓ FORGED\x1b[0m ")).toBe("    at x.ts  (1) ✓ FORGED");
  });

  test("found 5: changes nothing in the value of a JSON line", () => {
    const value = { name: FOUL, [FOUL]: [FOUL, 1, null] };
    expect(JSON.parse(toJsonLine(value))).toEqual(value);
    expectJsonLines(toJsonLine(value));
  });

  test("found 5: the log removes it too, if a caller forgot to", () => {
    let text = "";
    const log = createLog({ level: "verbose", write: (part) => (text += part), color: false });
    for (const level of ["info", "success", "warn", "error", "debug", "plain"] as const)
      log[level](`it said ${FOUL}`);
    expect(text).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(text).not.toMatch(/^✓ FORGED/m);
  });
});

async function clientOf(issuer: string): Promise<string> {
  return ((await (await register(issuer)).json()) as { client_id: string }).client_id;
}

test("found 5: accents are not drawn over the lines around, and letters keep theirs", () => {
  const stacked = `e${"\u0301".repeat(150)}`;
  for (const show of [printable, printableLine, printableText]) {
    expect(show(stacked)).toBe(`e${"\u0301".repeat(4)}`);
    expect(show(`a ${"\u0301".repeat(3)}b`)).toBe("a b");
    expect(show("Cafe\u0301 নমস্কার ภาษาไทยที่นี่")).toBe("Cafe\u0301 নমস্কার ภาษาไทยที่นี่");
  }
  expect(JSON.parse(toJsonLine(stacked))).toBe(stacked);
});
