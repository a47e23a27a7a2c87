// Every route of the running program, on both ports, with who may use it. A route that is new fails here until
// its rule is added; each rule is tried out. docs/threats.md has the same table.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fixture, INITIALIZE, until } from "../eras/wire.ts";
import { ROOT, startProgram, type Program } from "../program.ts";

/**
 * `anyone`: shows no secret and changes nothing.
 * `token`: nothing without an access token.
 * `person`: shows a page; decides nothing without the token or password that a person types.
 * `proof`: OAuth's own endpoints, which take a code, a token or a client's secret, and nothing without.
 * `stranger`: writes a record for anyone, up to a limit.
 * `machine`: on the port that only this machine can reach.
 */
type Access = "anyone" | "token" | "person" | "proof" | "stranger" | "machine";

const WELL_KNOWN = "/.well-known";
const ISSUER = [`${WELL_KNOWN}/oauth-authorization-server`, `${WELL_KNOWN}/openid-configuration`];

const RULES: Record<string, Access> = {
  "ALL /mcp": "token",
  "ALL /mcp/": "token",
  "ALL /sse": "token",
  "ALL /messages": "token",
  "GET /": "person",
  "GET /healthz": "anyone",
  [`GET ${WELL_KNOWN}/jwks.json`]: "anyone",
  ...anyoneMayRead(`${WELL_KNOWN}/oauth-protected-resource`, ["", "/mcp", "/sse"]),
  ...Object.assign({}, ...ISSUER.map((path) => anyoneMayRead(path, ["", "/mcp", "/sse"]))),
  ...Object.assign(
    {},
    ...["/mcp", "/sse", "/token"].flatMap((base) => ISSUER.map((path) => anyoneMayRead(base + path, [""]))),
  ),
  "GET /authorize": "person",
  "POST /authorize": "person",
  "GET /authorize/return": "person",
  "POST /token": "proof",
  "POST /revoke": "proof",
  "POST /introspect": "proof",
  "POST /register": "stranger",
  "GET /readyz": "machine",
};

/** Layers that every request passes, and refusals of other methods and unknown paths. */
const LAYERS = [
  "ALL /*",
  `ALL ${WELL_KNOWN}/*`,
  ...["/authorize", "/token", "/register", "/revoke", "/introspect"].map((path) => `ALL ${path}`),
];

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const SECRET = "a-token-only-a-person-knows";

let program: Program;
let origin: string;
beforeAll(async () => {
  const preload = `"--preload=${join(import.meta.dir, "tell-routes.ts")}"`;
  const words = ["--tunnel", "none", "--store", "memory", "--token", SECRET, fixture("obedient")];
  program = await startProgram(words, { env: { BUN_OPTIONS: preload } });
  ({ origin } = new URL(program.ready.url));
  await fetch(program.ready.url);
  await until("the table is printed", () => program.stderr().includes("route ALL /mcp"));
});
afterAll(async () => void (await program.stop()));

const paths = (access: Access) =>
  Object.entries(RULES).flatMap(([route, rule]) => (rule === access ? [route.split(" ")[1]!] : []));

test("every route has its access rule, and every rule its route", () => {
  const told = [...program.stderr().matchAll(/^route (\S+ \S+)$/gm)].map(([, route]) => withoutSlash(route!));
  const routes = new Set(told.filter((route) => !LAYERS.includes(route)));
  expect([...routes].toSorted()).toEqual([...new Set(Object.keys(RULES).map(withoutSlash))].toSorted());
});

test("there are three listeners, and the public two share one handler, so that these tables are complete", () => {
  const sources = [...new Bun.Glob("**/*.{ts,tsx}").scanSync(join(ROOT, "src"))].map((file) =>
    readFileSync(join(ROOT, "src", file), "utf8"),
  );
  const count = (pattern: RegExp) =>
    sources.reduce((sum, text) => sum + [...text.matchAll(pattern)].length, 0);
  expect([count(/Bun\.serve\(/g), count(/\bcreateServer\b[^;]* from "node:/g)]).toEqual([2, 0]);
  // The port on this machine, with a limit or without, and the tunnel's socket, all with the one handler that the public
  // side puts in; and the private port.
  expect(count(/[sS]erver\??\.serve\(/g)).toBe(5);
});

describe("token", () => {
  test.each(paths("token"))(
    "%s is closed to every method without one, and with a wrong one",
    async (path) => {
      for (const method of METHODS) {
        for (const authorization of [undefined, "Bearer made-up", `Bearer ${SECRET}`, "Basic eDp5"]) {
          const response = await ask(path, method, authorization === undefined ? {} : { authorization });
          expect([method, response.status]).toEqual([method, 401]);
          expect(response.headers.get("www-authenticate")).toContain("Bearer");
        }
      }
    },
  );
});

describe("anyone", () => {
  test.each(paths("anyone"))("%s shows no secret", async (path) => {
    const response = await fetch(origin + path);
    expect(response.status).toBe(200);
    expect(await response.text()).not.toContain(SECRET);
    for (const method of ["POST", "PUT", "DELETE"])
      expect((await ask(path, method)).status).toBeOneOf([404, 405]);
  });
});

describe("proof and person", () => {
  test.each([...paths("proof"), "/authorize"])("%s refuses a request without proof", async (path) => {
    for (const body of ["", "grant_type=authorization_code&code=x", "decision=approve", "token=x"]) {
      const response = await fetch(origin + path, {
        method: "POST",
        redirect: "manual",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body,
      });
      expect(response.status).toBeWithin(400, 500);
      expect(response.headers.get("location")).toBeNull();
    }
  });
});

test("/authorize/return refuses a browser without a pending sign-in", async () => {
  for (const query of ["", "?state=", "?state=made-up&code=x"]) {
    const response = await fetch(`${origin}/authorize/return${query}`, { redirect: "manual" });
    expect([response.status, response.headers.get("location")]).toEqual([400, null]);
  }
});

describe("stranger", () => {
  test("/register takes requests from anyone, so many a minute", async () => {
    const statuses: number[] = [];
    const body = JSON.stringify({ redirect_uris: ["http://127.0.0.1:1/callback"] });
    const headers = { "content-type": "application/json" };
    while (statuses.length < 200 && statuses.at(-1) !== 429)
      statuses.push((await fetch(`${origin}/register`, { method: "POST", headers, body })).status);
    expect(statuses.at(-1)).toBe(429);
  });
});

describe("machine", () => {
  test("its routes are not on the public port, nor the public ones on its port", async () => {
    const side = new URL(program.ready.readyz).origin;
    expect(new URL(side).hostname).toBe("127.0.0.1");
    for (const path of paths("machine")) {
      expect((await fetch(origin + path)).status).toBe(404);
      for (const host of [
        "evil.example",
        new URL(origin).host.replace("127.0.0.1", "127.0.0.1.evil.example"),
      ])
        expect((await fetch(side + path, { headers: { host } })).status).toBe(403);
    }
    for (const path of [...paths("token"), "/authorize", "/token", "/healthz"])
      expect((await fetch(side + path)).status).toBe(404);
  });
});

function ask(path: string, method: string, headers: Record<string, string> = {}): Promise<Response> {
  const hasBody = !/GET|HEAD/.test(method);
  return fetch(origin + path, {
    method,
    headers: { ...headers, ...(hasBody && { "content-type": "application/json" }) },
    ...(hasBody && { body: JSON.stringify(INITIALIZE) }),
  });
}

function anyoneMayRead(base: string, ends: readonly string[]): Record<string, Access> {
  return Object.fromEntries(ends.map((end) => [`GET ${base}${end}`, "anyone" as const]));
}

/** A document is at the same place with a slash behind it. */
function withoutSlash(route: string): string {
  return route.startsWith("GET ") ? route.replace(/\/$/, "") : route;
}
