// The running program, with and without sign-in, under requests that are nearly right and bytes that are no requests.
// That it never answered 500 is held when it is stopped (test/program.ts).
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { connectRaw } from "../faults/socket.ts";
import { fixture, openSession, within } from "../eras/wire.ts";
import { startProgram, type Program } from "../program.ts";
import { bodyBytes, headersOf, knownHeaders } from "./arbitraries.ts";
import { BUDGET } from "./budget.ts";
import { changeSome, FIELDS, METADATA, oddJson, oddText, writeForm, writeObject } from "./oauth-values.ts";

const path = fc.oneof(
  { weight: 3, arbitrary: fc.constant("/mcp") },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "/mcp/",
      "/sse",
      "/messages?sessionId=x",
      "/healthz",
      "/readyz",
      "/authorize",
      "/token",
      "/register",
      "/revoke",
      "/introspect",
      "/.well-known/oauth-protected-resource/mcp",
      "/.well-known/oauth-authorization-server",
      "/.well-known/openid-configuration",
      "/%00",
      "/%ff",
      "//",
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom("/mcp", "/authorize", "/.well-known", ""), fc.webPath(), fc.webQueryParameters())
      .map(([base, more, query]) => `${base}${more}?${query}`),
  },
);

const form = changeSome(
  {},
  Object.values(FIELDS).flat(),
  fc.oneof(
    oddText,
    fc.constantFrom("authorization_code", "refresh_token", "S256", "approve", "http%3A%2F%2F127.0.0.1%2F"),
  ),
).map(writeForm);

const metadata = changeSome({ redirect_uris: '["http://127.0.0.1/"]' }, METADATA, oddJson).map((members) =>
  Buffer.from(writeObject(members)),
);

const request = fc.record({
  method: fc.oneof(
    { weight: 4, arbitrary: fc.constant("POST") },
    { weight: 2, arbitrary: fc.constantFrom("GET", "DELETE", "PUT", "PATCH", "OPTIONS", "HEAD") },
  ),
  path,
  headers: knownHeaders,
  body: fc.oneof(
    { weight: 3, arbitrary: bodyBytes },
    { weight: 1, arbitrary: form },
    { weight: 1, arbitrary: metadata },
  ),
  inSession: fc.boolean(),
});

describe.each([
  ["without sign-in", ["--auth", "none", "--process", "shared"]],
  ["with sign-in", ["--store", "memory", "--token", "paste-me-please"]],
])("the program %s", (_name, words) => {
  let program: Program;
  let session: string | undefined;
  beforeAll(async () => {
    program = await startProgram(["--tunnel", "none", ...words, fixture("obedient")]);
    if (words.includes("none")) session = (await openSession(program.ready.url)).id;
  });
  afterAll(async () => {
    expect(await program.stop()).toBe(0);
  });

  test("answers every request with a status below 500, and with nothing secret", async () => {
    await fc.assert(
      fc.asyncProperty(request, async ({ method, path, headers, body, inSession }) => {
        const sent = headersOf(headers);
        if (inSession && session !== undefined) sent.set("mcp-session-id", session);
        if (typeof body === "string") sent.set("content-type", "application/x-www-form-urlencoded");
        const url = new URL(program.ready.url).origin + path;
        const hangUp = new AbortController();
        const response = await within(
          fetch(url, {
            method,
            headers: sent,
            redirect: "manual",
            signal: hangUp.signal,
            ...(!/GET|HEAD/.test(method) && { body: body as string }),
          }),
          "an answer",
        );
        // A stream may stay open for ever; nobody wants to read on.
        hangUp.abort();
        expect(response.status).toBeWithin(200, 500);
        expect(JSON.stringify([...response.headers])).not.toContain("paste-me-please");
      }),
      BUDGET,
    );
    expect((await fetch(new URL("/healthz", program.ready.url))).status).toBe(200);
  });

  test("outlives every stream of bytes", async () => {
    const head = fc.constantFrom(
      "",
      "GET / HTTP/1.1\r\n",
      "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n",
      "PRI * HTTP/2.0\r\n\r\n",
    );
    const line = fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }),
      fc.constantFrom(
        "Content-Length: 10",
        "Transfer-Encoding: chunked",
        "Host: x",
        ": x",
        "Expect: 100-continue",
        "",
      ),
    );
    await fc.assert(
      fc.asyncProperty(
        head,
        fc.array(line, { maxLength: 6 }),
        fc.uint8Array({ maxLength: 50 }),
        async (head, lines, rest) => {
          const socket = await connectRaw(program.ready.url);
          await socket.write(Buffer.concat([Buffer.from(`${head}${lines.join("\r\n")}\r\n\r\n`), rest]));
          socket.close();
        },
      ),
      BUDGET,
    );
    expect((await fetch(new URL("/healthz", program.ready.url))).status).toBe(200);
  });
});
