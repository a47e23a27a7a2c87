// The authorization server under every form field and JSON member of every endpoint, each with every type and with odd
// text, one at a time, then several at once: an answer of OAuth's, and never a 500.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { exportJWK, generateKeyPair } from "jose";
import { createPinnedGet } from "../../src/oauth/clients/pinned-get.ts";
import { describeApp } from "../oauth/document-host.ts";
import {
  authorizeQuery,
  CALLBACK,
  connect,
  type Harness,
  obtainCode,
  openPage,
  registerClient,
  startServer,
  TOKEN,
  VERIFIER,
} from "../oauth/harness.ts";
import { BUDGET } from "./budget.ts";
import {
  changeOne,
  changeSome,
  CLAIMS,
  FIELDS,
  HEADER_MEMBERS,
  KEY_MEMBERS,
  METADATA,
  ODD_JSON,
  ODD_TEXT,
  oddJson,
  oddText,
  writeForm,
  writeObject,
} from "./oauth-values.ts";

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const FORM = { "Content-Type": "application/x-www-form-urlencoded" };
const SECRET = "a-secret-of-the-client";

type Entries = [name: string, value: string][];
type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

let host: ReturnType<typeof startHost>;
let server: Harness;
let people: Harness;
let ec: KeyPair;
let rsa: KeyPair;
/** A client that signs, and what its document says now. */
let signer: string;
let signerDocument: string;
/** A client that registered itself. */
let client: string;
beforeAll(async () => {
  host = startHost();
  ec = await generateKeyPair("ES256", { extractable: true });
  rsa = await generateKeyPair("RS256", { extractable: true });
  const passwordHash = await Bun.password.hash("x", { algorithm: "argon2id", memoryCost: 8, timeCost: 1 });
  people = await startServer({ users: [{ name: "ann", passwordHash }] });
  server = await startServer({
    get: createPinnedGet({
      resolve: () => Promise.resolve(["127.0.0.1"]),
      allowLoopback: true,
      userAgent: "test",
    }),
    documents: { deny: [], allowHttp: true },
    scopes: { write: { tools: ["x"] } },
    clients: [{ id: "set up", secret: SECRET }],
    introspectSecret: SECRET,
  });
  client = await registerClient(server.url);
  await obtainCode(server.url, client);
  signer = host.serve("/signer.json", () => signerDocument);
  publishKeys(JSON.stringify({ keys: [await exportKey(ec, "ES256")] }));
  await obtainCode(server.url, signer);
});
afterAll(async () => {
  await server.stop();
  await people.stop();
  await host.stop();
});

/** Serves documents that nobody keeps, so that every case is fetched anew; without TLS, for there are thousands. */
function startHost() {
  const documents = new Map<string, () => string>();
  const headers = { "Content-Type": "application/json", "Cache-Control": "no-store" };
  const listener = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url }) => new Response(documents.get(new URL(url).pathname)?.(), { headers }),
  });
  return {
    serve(path: string, write: () => string): string {
      documents.set(path, write);
      return `http://client.example:${listener.port}${path}`;
    },
    stop: () => listener.stop(true),
  };
}

const exportKey = async (pair: KeyPair, alg: string) => ({
  ...(await exportJWK(pair.publicKey)),
  kid: "k",
  alg,
});

function publishKeys(jwks: string): void {
  const app = describeApp(signer, { token_endpoint_auth_method: "private_key_jwt" });
  signerDocument = writeObject([...Object.entries(encodeJson(app)), ["jwks", jwks]]);
}

const encodeJson = (value: object): Record<string, string> =>
  Object.fromEntries(Object.entries(value).map(([name, member]) => [name, JSON.stringify(member)]));
const encodeForm = (value: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(value).map(([name, text]) => [name, encodeURIComponent(text)]));

let cases = 0;
/** Each case comes from a place of its own, at a time of its own, so that no limit keeps it from being read. */
function move(to = server): void {
  cases += 1;
  to.source.address = `10.${(cases >> 16) & 255}.${(cases >> 8) & 255}.${cases & 255}`;
  to.clock.now += 2000;
  to.logged.length = 0;
}

function send(path: string, init: RequestInit = {}, to = server): Promise<Response> {
  move(to);
  return fetch(`${to.url}${path}`, { redirect: "manual", ...init });
}

const sendForm = (path: string, fields: Entries, headers: Record<string, string> = {}, to = server) =>
  send(path, { method: "POST", body: writeForm(fields), headers: { ...FORM, ...headers } }, to);

/** A fault is a 500; that a document cannot be had is the only other answer above 499. */
async function expectAnswer(response: Response, what: unknown): Promise<string> {
  const text = await response.text();
  const { status, headers } = response;
  const isExpected = status < 500 || (status === 503 && text.includes("temporarily_unavailable"));
  if (!isExpected)
    throw new Error(
      `${status} for ${JSON.stringify(what)}: ${[...server.logged, ...people.logged].join("")}`,
    );
  // Then it would not have been read.
  expect(status).not.toBe(429);
  if (status >= 400) expect(headers.get("content-type")).toMatch(/^(application\/json|text\/html)/);
  expect(headers.get("set-cookie") ?? "").not.toContain("a=b");
  return text;
}

interface Target {
  /** A request that is answered with this status: what is changed is only a step away from being taken. */
  good: Readonly<Record<string, string>>;
  status: number;
  names: readonly string[];
  act(entries: Entries): Promise<Response>;
}

/** Every name with every odd value, one at a time; then several at once, as often as there is time for. */
async function changeEverything(target: Target, values: readonly string[], value: fc.Arbitrary<string>) {
  const { good, status, names, act } = target;
  expect((await act(Object.entries(good))).status).toBe(status);
  const tryOne = async (entries: Entries) => void (await expectAnswer(await act(entries), entries));
  for (const entries of changeOne(good, names, values)) await tryOne(entries);
  const numRuns = Math.ceil(BUDGET.numRuns / 10);
  await fc.assert(fc.asyncProperty(changeSome(good, names, value), tryOne), { numRuns });
  expect((await act(Object.entries(good))).status).toBe(status);
}

const changeForm = (target: Target) => changeEverything(target, ODD_TEXT, oddText);
const changeJson = (target: Target) => changeEverything(target, ODD_JSON, oddJson);

const toBase64 = (text: string) => Buffer.from(text).toString("base64url");

/** Signed as it is, whatever it says of itself. */
async function signJwt(header: Entries, claims: Entries, { privateKey }: KeyPair): Promise<string> {
  const signed = `${toBase64(writeObject(header))}.${toBase64(writeObject(claims))}`;
  const algorithm =
    privateKey.algorithm.name === "ECDSA" ? { name: "ECDSA", hash: "SHA-256" } : privateKey.algorithm.name;
  const signature = await crypto.subtle.sign(algorithm, privateKey, Buffer.from(signed));
  return `${signed}.${Buffer.from(signature).toString("base64url")}`;
}

const goodHeader = (alg = "ES256") => encodeJson({ alg, kid: "k" });
const goodClaims = () =>
  encodeJson({
    iss: signer,
    sub: signer,
    aud: server.issuer,
    exp: Math.floor(server.clock.now / 1000) + 300,
    jti: crypto.randomUUID(),
  });

const sendAssertion = (client_assertion: string, more: Record<string, string> = {}) =>
  sendForm(
    "/revoke",
    Object.entries(
      encodeForm({ token: "x", client_assertion, client_assertion_type: ASSERTION_TYPE, ...more }),
    ),
  );

const signGood = async (alg = "ES256", pair = ec) =>
  signJwt(Object.entries(goodHeader(alg)), Object.entries(goodClaims()), pair);

describe("/authorize", () => {
  const query = (clientId: string) =>
    encodeForm({
      ...Object.fromEntries(new URLSearchParams(authorizeQuery(clientId))),
      scope: "mcp offline_access write",
      resource: `${server.issuer}/mcp`,
    });

  test("found 11: GET takes or refuses every parameter", () =>
    changeForm({
      good: query(client),
      status: 200,
      names: FIELDS.authorize,
      act: (entries) => send(`/authorize?${writeForm(entries)}`),
    }));

  test("found 11: POST takes or refuses every parameter of the query in its form", async () => {
    const { cookie } = await openPage(server.url, authorizeQuery(client));
    await changeForm({
      good: query(client),
      status: 403,
      names: FIELDS.authorize,
      act: (entries) =>
        sendForm("/authorize", [["query", encodeURIComponent(writeForm(entries))]], { Cookie: cookie }),
    });
  });

  for (const kind of ["token", "password"]) {
    test(`found 11: POST takes or refuses every field of the page with a ${kind}`, async () => {
      const to = kind === "token" ? server : people;
      const id = kind === "token" ? client : await registerClient(to.url);
      const typed = kind === "token" ? { token: TOKEN } : { username: "ann", password: "x" };
      // Each time another browser: one that has signed in is counted by itself.
      const act = async (entries: Entries) => {
        const { fields, cookie } = await openPage(to.url, authorizeQuery(id, { scope: "mcp" }));
        const filled = entries.map(([name, value]): [string, string] => [
          name,
          value === `$${name}` ? encodeURIComponent(fields[name] ?? "") : value,
        ]);
        return sendForm("/authorize", filled, { Cookie: cookie }, to);
      };
      const good = { query: "$query", csrf: "$csrf", ...encodeForm({ ...typed, decision: "approve" }) };
      await changeForm({ good, status: 303, names: FIELDS.decision, act });
    });
  }
});

describe("/token", () => {
  test("found 11: a code is exchanged or refused, whatever stands in each field", () =>
    changeForm({
      good: {
        ...encodeForm({ grant_type: "authorization_code", redirect_uri: CALLBACK, code_verifier: VERIFIER }),
        ...encodeForm({ resource: `${server.issuer}/mcp`, client_id: client }),
        code: "$code",
      },
      status: 200,
      names: FIELDS.token,
      act: async (entries) => {
        const code = await obtainCode(server.url, client);
        return sendForm(
          "/token",
          entries.map(([name, value]) => [name, value === "$code" ? code : value]),
        );
      },
    }));

  test("found 11: a refresh token is exchanged or refused, whatever stands in each field", () =>
    changeForm({
      good: { ...encodeForm({ grant_type: "refresh_token", client_id: client }), refresh_token: "$refresh" },
      status: 200,
      names: FIELDS.token,
      act: async (entries) => {
        const { refresh_token } = await connect(server.url, client);
        return sendForm(
          "/token",
          entries.map(([name, value]) => [name, value === "$refresh" ? refresh_token : value]),
        );
      },
    }));

  test("found 11: a secret and a signature are checked or refused, whatever stands beside them", async () => {
    const grant = { grant_type: "refresh_token", refresh_token: "x" };
    await changeForm({
      good: encodeForm({ ...grant, client_id: "set up", client_secret: SECRET }),
      status: 400,
      names: FIELDS.token,
      act: (entries) => sendForm("/token", entries),
    });
    await changeForm({
      good: {
        ...encodeForm({ ...grant, client_assertion_type: ASSERTION_TYPE }),
        client_assertion: "$signed",
      },
      status: 400,
      names: FIELDS.token,
      act: async (entries) => {
        const signed = await signGood();
        return sendForm(
          "/token",
          entries.map(([name, value]) => [name, value === "$signed" ? signed : value]),
        );
      },
    });
  });
});

describe("/revoke and /introspect", () => {
  for (const path of ["/revoke", "/introspect"]) {
    const caller = () => (path === "/revoke" ? "set up" : "introspection");

    test(`found 11: ${path} takes or refuses every field`, () =>
      changeForm({
        good: encodeForm({
          token: "x",
          token_type_hint: "access_token",
          client_id: caller(),
          client_secret: SECRET,
        }),
        status: 200,
        names: FIELDS.proof,
        act: (entries) => sendForm(path, entries),
      }));

    test(`found 11: ${path} takes or refuses every Authorization header`, async () => {
      const sendHeader = (Authorization: string) => sendForm(path, [["token", "x"]], { Authorization });
      const toBasic = (text: string) => `Basic ${Buffer.from(text, "latin1").toString("base64")}`;
      expect((await sendHeader(toBasic(`${encodeURIComponent(caller())}:${SECRET}`))).status).toBe(200);
      const headers = ODD_TEXT.flatMap((odd) => [
        odd,
        `Basic ${odd}`,
        toBasic(odd),
        toBasic(`${odd}:${odd}`),
        toBasic(`:${odd}`),
      ]);
      for (const header of headers) await expectAnswer(await sendHeader(header), header);
      const bytes = fc.string({ unit: "binary", maxLength: 30 }).map(toBasic);
      await fc.assert(
        fc.asyncProperty(
          bytes,
          async (header) => void (await expectAnswer(await sendHeader(header), header)),
        ),
        { numRuns: Math.ceil(BUDGET.numRuns / 10) },
      );
    });
  }
});

describe("metadata of clients", () => {
  const sendBody = (body: string) => send("/register", { method: "POST", body });

  test("found 11: a registration is taken or refused, and what was taken can be shown", () =>
    changeJson({
      good: encodeJson({
        redirect_uris: [CALLBACK],
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        client_name: "x",
      }),
      status: 201,
      names: METADATA,
      act: async (entries) => {
        const response = await sendBody(writeObject(entries));
        if (response.status !== 201) return response;
        const { client_id } = (await response.clone().json()) as { client_id: string };
        await expectAnswer(await send(`/authorize?${authorizeQuery(client_id)}`), entries);
        return response;
      },
    }));

  test("found 11: a document is believed or refused, whatever its members are", async () => {
    let body = "";
    const id = host.serve("/odd.json", () => body);
    await changeJson({
      good: encodeJson(describeApp(id, { jwks: { keys: [] }, scope: "mcp", contacts: ["a@b.example"] })),
      status: 200,
      names: METADATA,
      act: async (entries) => {
        body = writeObject(entries);
        await expectAnswer(await sendForm("/token", [["client_id", encodeURIComponent(id)]]), entries);
        return send(`/authorize?${authorizeQuery(id)}`);
      },
    });
  });

  test("found 11: anything else than an object is refused, wherever one is read", async () => {
    let body = "";
    const id = host.serve("/odd.json", () => body);
    for (const odd of [...ODD_JSON, "", "{", "\ufeff{}", '{"a"', "{}{}", "[".repeat(3_000)]) {
      body = odd;
      expect((await sendBody(odd)).status).toBe(400);
      expect((await send(`/authorize?${authorizeQuery(id)}`)).status).toBe(400);
    }
  });
});

describe("keys", () => {
  /** What a client's document says of its keys, while it comes with a good signature. */
  const sendWithKeys = async (jwks: string, alg: string, pair: KeyPair) => {
    publishKeys(jwks);
    return sendAssertion(await signGood(alg, pair));
  };

  for (const alg of ["ES256", "RS256"]) {
    test(`found 11: each member of a key for ${alg} is taken or refused`, async () => {
      const pair = alg === "ES256" ? ec : rsa;
      await changeJson({
        good: encodeJson(await exportKey(pair, alg)),
        status: 200,
        names: KEY_MEMBERS,
        act: (entries) => sendWithKeys(`{"keys":[${writeObject(entries)}]}`, alg, pair),
      });
    });
  }

  test("found 11: a point off its curve, a modulus of nothing or of 16,384 bits, a key of another kind is refused", async () => {
    const [point, modulus] = [await exportKey(ec, "ES256"), await exportKey(rsa, "RS256")];
    const zero = Buffer.alloc(32).toString("base64url");
    const huge = Buffer.alloc(2048, 0xfb).toString("base64url");
    const wrong: [alg: string, key: object][] = [
      ["ES256", { ...point, y: point.x }],
      ["ES256", { ...point, x: zero, y: zero }],
      ["ES256", { ...point, x: "AA" }],
      ["ES256", { ...point, crv: "P-384" }],
      ["ES256", { ...point, crv: "secp256k1" }],
      ["ES256", { ...modulus, alg: "ES256" }],
      ["RS256", { ...modulus, n: "" }],
      ["RS256", { ...modulus, n: "AA" }],
      ["RS256", { ...modulus, n: huge }],
      ["RS256", { ...modulus, e: "AA" }],
      ["RS256", { ...modulus, e: "AQ" }],
      ["RS256", { ...modulus, e: huge }],
      ["RS256", { ...point, alg: "RS256" }],
      ["RS256", { kty: "OKP", crv: "Ed25519", x: zero, kid: "k", alg: "RS256" }],
    ];
    for (const [alg, key] of wrong) {
      const response = await sendWithKeys(JSON.stringify({ keys: [key] }), alg, alg === "ES256" ? ec : rsa);
      expect(await expectAnswer(response, key)).toContain("invalid_client");
      expect(response.status).toBe(401);
    }
  });

  test("found 11: what a jwks_uri leads to is taken or refused", async () => {
    let jwks = JSON.stringify({ keys: [await exportKey(ec, "ES256")] });
    const jwks_uri = host.serve("/odd-keys.json", () => jwks);
    const app = describeApp(signer, { token_endpoint_auth_method: "private_key_jwt", jwks_uri });
    signerDocument = JSON.stringify(app);
    expect((await sendAssertion(await signGood())).status).toBe(200);
    for (const odd of ODD_JSON) {
      for (const body of [odd, `{"keys":${odd}}`, `{"keys":[${odd}]}`]) {
        jwks = body;
        await expectAnswer(await sendAssertion(await signGood()), body);
      }
    }
  });
});

describe("assertions", () => {
  beforeAll(async () => publishKeys(JSON.stringify({ keys: [await exportKey(ec, "ES256")] })));

  test("found 11: each member of the header is taken or refused", () =>
    changeJson({
      good: goodHeader(),
      status: 200,
      names: HEADER_MEMBERS,
      act: async (entries) => sendAssertion(await signJwt(entries, Object.entries(goodClaims()), ec)),
    }));

  /** Whom it speaks for is read before anything is verified, and again when nobody says it beside. */
  for (const [names, more] of [
    [CLAIMS, () => ({ client_id: signer })],
    [["sub", "iss"], () => ({})],
  ] as const) {
    test(`found 11: ${names.length} claims are taken or refused, whatever each is`, () =>
      changeJson({
        good: { iss: "$", sub: "$", aud: "$", exp: "$", jti: "$" },
        status: 200,
        names,
        act: async (entries) => {
          const good = goodClaims();
          const claims = entries.map(([name, json]): [string, string] => [
            name,
            json === "$" ? (good[name] ?? "null") : json,
          ]);
          return sendAssertion(await signJwt(Object.entries(goodHeader()), claims, ec), more());
        },
      }));
  }

  test("found 11: anything else than a signed object is refused", async () => {
    for (const odd of [...ODD_JSON, ...ODD_TEXT]) {
      const parts = [toBase64(odd), odd];
      const tokens = parts.flatMap((part) => [
        part,
        `${part}.${part}`,
        `${part}.${part}.${part}`,
        `${toBase64('{"alg":"ES256"}')}.${part}.AA`,
        `${part}.${toBase64(writeObject(Object.entries(goodClaims())))}.AA`,
      ]);
      for (const token of tokens) {
        const response = await sendAssertion(token, { client_id: signer });
        expect([401, 400]).toContain(response.status);
        await expectAnswer(await sendAssertion(token), token);
      }
    }
  });
});
