// Headers that repeat a tool's arguments (`x-mcp-header`), for a tool that a server of 2025-11-25 lists on its
// second page. https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Program } from "../program.ts";
import { expose, post, readAnswer, type Headers } from "../eras/wire.ts";
import { createStatelessClient, META, REVISION, type StatelessClient } from "./stateless-wire.ts";

let program: Program;
let client: StatelessClient;
beforeAll(async () => {
  program = await expose("versatile");
  client = createStatelessClient(program.ready.url);
});
afterAll(async () => void (await program.stop()));

const deploy = async (args: object, headers: Headers) => {
  const response = await client.start("deploy", args, { headers });
  const { result, error } = await readAnswer(response);
  return response.status === 200 ? result?.["deployed"] : [response.status, error?.code];
};
const base64 = (text: string) => `=?base64?${Buffer.from(text).toString("base64")}?=`;
const REFUSED = [400, -32020];

describe("a call passes when its headers say what its arguments say:", () => {
  const passing: [string, object, Headers][] = [
    ["a string", { region: "eu west" }, { "mcp-param-region": "eu west" }],
    ["a string in Base64", { region: "Zürich ☃" }, { "mcp-param-region": base64("Zürich ☃") }],
    ["an empty string in Base64", { region: "" }, { "mcp-param-region": base64("") }],
    [
      "a string that looks like Base64, in Base64",
      { region: "=?base64?eA==?=" },
      { "mcp-param-region": base64("=?base64?eA==?=") },
    ],
    [
      "a string that is nearly marked as Base64",
      { region: "=?base64?eA==" },
      { "mcp-param-region": "=?base64?eA==" },
    ],
    ["white space around it, which HTTP takes away", { region: "eu" }, { "mcp-param-region": " eu\t" }],
    ["a whole number", { count: 42 }, { "mcp-param-count": "42" }],
    ["a whole number written as a fraction", { count: 42 }, { "mcp-param-count": "42.0" }],
    ["a truth value", { dry: true }, { "mcp-param-dry": "true" }],
    ["an argument within an argument", { target: { zone: "b" } }, { "mcp-param-zone": "b" }],
    ["nothing for null", { region: null }, {}],
    ["nothing for nothing", {}, {}],
    ["nothing for an argument that is not repeated", { plain: "eu" }, {}],
    ["a header that no argument asks for", { plain: "eu" }, { "mcp-param-plain": "us" }],
    ["a name written anyhow", { region: "eu" }, { "MCP-PARAM-REGION": "eu" }],
  ];
  test.each(passing)("%s", async (_what, args, headers) => {
    expect(await deploy(args, headers)).toEqual(args);
  });
});

describe("a call is refused with 400 and −32020 when they do not:", () => {
  const failing: [string, object, Headers][] = [
    ["the header is missing", { region: "eu" }, {}],
    ["the header says something else", { region: "eu" }, { "mcp-param-region": "us" }],
    ["the header says it in other letters", { region: "eu" }, { "mcp-param-region": "EU" }],
    ["the argument is missing", {}, { "mcp-param-region": "eu" }],
    ["the argument is null", { region: null }, { "mcp-param-region": "null" }],
    [
      "a value marked as Base64 is not Base64, though it equals the argument",
      { region: "=?base64?e*?=" },
      { "mcp-param-region": "=?base64?e*?=" },
    ],
    ["the Base64 is of something else", { region: "eu" }, { "mcp-param-region": base64("us") }],
    ["the Base64 is none", { region: "eu" }, { "mcp-param-region": "=?base64?e*?=" }],
    ["the Base64 is not UTF-8", { region: "eu" }, { "mcp-param-region": "=?base64?//8=?=" }],
    ["what is not ASCII stands there as it is", { region: "Zürich" }, { "mcp-param-region": "Z\u00fcrich" }],
    ["another number", { count: 42 }, { "mcp-param-count": "43" }],
    ["a number is not a string", { count: 1 }, { "mcp-param-count": "true" }],
    ["another truth value", { dry: true }, { "mcp-param-dry": "false" }],
    ["an argument within an argument", { target: { zone: "b" } }, { "mcp-param-zone": "a" }],
  ];
  test.each(failing)("%s", async (_what, args, headers) => {
    expect(await deploy(args, headers)).toEqual(REFUSED);
  });
});

describe("found 1: a duplicate is refused, since parsers disagree on which of the two counts:", () => {
  const send = (tool: string, args: string, headers: Headers) => {
    const _meta = JSON.stringify({ [META.version]: REVISION, [META.capabilities]: {} });
    const params = `{"name":"${tool}","arguments":${args},"_meta":${_meta}}`;
    return post(program.ready.url, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`, {
      "mcp-protocol-version": REVISION,
      "mcp-method": "tools/call",
      "mcp-name": tool,
      ...headers,
    });
  };
  const ambiguous: [string, string, Headers][] = [
    ["the argument, without a header", '{"region":"eu","region":"us"}', {}],
    ["the argument, with the header of one", '{"region":"eu","region":"us"}', { "mcp-param-region": "us" }],
    ["the argument, spelled in two ways", '{"region":"eu","re\\u0067ion":"us"}', {}],
    ["null and something else", '{"region":null,"region":"us"}', {}],
    ["an argument within an argument", '{"target":{"zone":"a","zone":"b"}}', { "mcp-param-zone": "b" }],
    ["the argument, in capitals too", '{"region":"eu","Region":"us"}', { "mcp-param-region": "eu" }],
    ["the argument, in capitals alone", '{"REGION":"us"}', {}],
    ["what an argument is in, in capitals too", '{"target":{},"tarGet":{"zone":"b"}}', {}],
    ["what an argument is in", '{"target":{},"target":{"zone":"b"}}', {}],
  ];
  test.each(ambiguous)("%s", async (_what, args, headers) => {
    const response = await send("deploy", args, headers);
    expect([response.status, (await readAnswer(response)).error?.code]).toEqual(REFUSED);
  });

  test("found 1: the refusal names both keys", async () => {
    const refusalOf = async (args: string) =>
      (await readAnswer(await send("deploy", args, {}))).error?.message;
    expect(await refusalOf('{"Region":"us"}')).toContain('some readers take "Region" for "region"');
    expect(await refusalOf('{"region":"eu","region":"us"}')).toContain('"region" stands twice');
  });

  test("found 1: names that differ by more than case are two arguments of the tool", async () => {
    const args = { region: "eu", re_gion: "us", "reg-ion": "us" };
    expect(await deploy(args, { "mcp-param-region": "eu" })).toEqual(args);
    expect(await deploy({ re_gion: "us" }, {})).toEqual({ re_gion: "us" });
  });

  test("found 1: a duplicate is accepted where no header has to match it", async () => {
    const response = await send("history", '{"region":"eu","region":"us"}', { "mcp-param-region": "eu" });
    expect(response.status).toBe(200);
    expect(await deploy({ target: [1], count: 1 }, { "mcp-param-count": "1" })).toEqual({
      target: [1],
      count: 1,
    });
  });
});

test("when the server's tools change, the headers that its new tools ask for are checked", async () => {
  expect(await deploy({ region: "eu" }, { "mcp-param-region": "eu" })).toEqual({ region: "eu" });
  await client.call("rename_header", { name: "Place" });
  expect(await deploy({ region: "eu" }, { "mcp-param-region": "eu" })).toEqual(REFUSED);
  expect(await deploy({ region: "eu" }, { "mcp-param-place": "eu" })).toEqual({ region: "eu" });
});
