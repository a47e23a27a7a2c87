// A request is counted for the address that the tunnel saw, and never for one that its sender wrote.
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GrantEvent } from "../../src/app/app.ts";
import { createTunnelServer } from "../../src/http/tunnel-server.ts";
import { fixture, until } from "../eras/wire.ts";
import { authorizeQuery, openPage, registerClient } from "../oauth/harness.ts";
import { type Program, ROOT, startProgram } from "../program.ts";
import { exposeThroughCloudflared } from "../tunnel/through-cloudflared.ts";
import { ask, type Asked, exposeThroughNgrok } from "../tunnel/through-ngrok.ts";

setDefaultTimeout(60_000);

const SERVER = fixture("obedient");

/** A folder for temporary files of one run, to see what is made in it. */
let folder = "";
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "forwarded-"))));
afterEach(() => rmSync(folder, { recursive: true }));

function createFolder(path: string): string {
  mkdirSync(path, { recursive: true });
  return path;
}

/** Types a wrong token into the approval page `times` times, as `asked` says. @returns the statuses */
async function guess(url: string, times: number, asked: (index: number) => Asked): Promise<number[]> {
  const page = await openPage(url, authorizeQuery(await registerClient(url)));
  const statuses: number[] = [];
  for (let index = 0; index < times; index++) {
    const { headers, ...more } = asked(index);
    const body = new URLSearchParams({ ...page.fields, token: `guess ${index}`, decision: "approve" });
    const form = { "content-type": "application/x-www-form-urlencoded", cookie: page.cookie };
    const { status } = await ask(`${url}/authorize`, {
      ...more,
      method: "POST",
      headers: { ...form, ...headers },
      body: body.toString(),
    });
    statuses.push(status);
  }
  return statuses;
}

/** The reported sources of failed tries, each once, as soon as there are `count`. */
async function sourcesIn({ events }: Program, count: number): Promise<string[]> {
  const find = () => {
    const failed = events.filter(
      (event): event is GrantEvent => event.event === "grant" && event.state === "login-failed",
    );
    return [...new Set(failed.map(({ source }) => source ?? ""))];
  };
  await until(`${count} are reported`, () => find().length >= count);
  return find();
}

const TEN_THEN_NONE = [...Array<number>(10).fill(401), 429, 429];

describe("through ngrok", () => {
  test("found 14: a request counts for the address that the tunnel saw, whatever its sender wrote before it", async () => {
    await using exposed = await exposeThroughNgrok([SERVER]);
    const { ingress, program } = exposed;
    const forge = (index: number) => ({ "x-forwarded-for": `198.51.100.${index}` });
    const away = { from: "127.0.0.2" };
    const statuses = await guess(ingress.publicUrl, 12, (index) => ({ ...away, headers: forge(index) }));
    expect(statuses).toEqual(TEN_THEN_NONE);
    const others = await guess(ingress.publicUrl, 1, () => ({ from: "127.0.0.3" }));
    expect(others).toEqual([401]);
    expect(await sourcesIn(program, 2)).toEqual(["127.0.0.2", "127.0.0.3"]);
  });

  test("found 14: no client chooses the host or the scheme in our documents and challenges", async () => {
    await using exposed = await exposeThroughNgrok([SERVER]);
    const { publicUrl } = exposed.ingress;
    const forged = {
      "x-forwarded-host": "evil.example",
      "x-forwarded-proto": "ftp",
      forwarded: "for=198.51.100.1;host=evil.example;proto=ftp",
    };
    for (const path of [
      "/.well-known/oauth-protected-resource/mcp",
      "/.well-known/oauth-authorization-server",
      "/mcp",
    ]) {
      const { text, headers } = await ask(publicUrl + path, { headers: forged });
      expect(text + JSON.stringify(headers)).not.toMatch(/evil\.example|ftp:/);
      expect(text + JSON.stringify(headers)).toContain(publicUrl);
    }
  });

  test("found 14: a client of the loopback port cannot choose the source it counts for, under any host name", async () => {
    await using exposed = await exposeThroughNgrok([SERVER]);
    const { ingress, program } = exposed;
    const local = new URL(program.ready.local).origin;
    for (const host of [new URL(ingress.publicUrl).host, "localhost"]) {
      const statuses = await guess(local, 2, (index) => ({
        headers: { host, "x-forwarded-for": `198.51.100.${index}` },
      }));
      expect(statuses).toEqual([401, 401]);
    }
    expect(await sourcesIn(program, 1)).toEqual(["127.0.0.1 (a proxy)"]);
    const statuses = await guess(local, 8, (index) => ({
      headers: { "x-forwarded-for": `203.0.113.${index}` },
    }));
    expect(statuses).toEqual(TEN_THEN_NONE.slice(4));
    // That locks out neither the internet nor a person at this machine.
    expect(await guess(ingress.publicUrl, 1, () => ({ from: "127.0.0.2" }))).toEqual([401]);
    expect(await guess(local, 1, () => ({}))).toEqual([401]);
  });

  test("found 14: the tunnel's own socket is closed to other users of this machine, and gone afterwards", async () => {
    {
      await using exposed = await exposeThroughNgrok([SERVER], { env: { TMPDIR: folder } });
      const [made = "", ...more] = readdirSync(folder);
      expect(more).toEqual([]);
      expect(statSync(join(folder, made)).mode & 0o777).toBe(0o700);
      expect(statSync(join(folder, made, "tunnel.sock")).isSocket()).toBeTrue();
      expect((await ask(`${exposed.ingress.publicUrl}/healthz`)).status).toBe(200);
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  test.each([
    ["no folder", () => join(folder, "nowhere")],
    ["too long a name", () => createFolder(join(folder, "x".repeat(100)))],
  ])(
    "found 14: where the temporary folder cannot hold the socket, another folder does (%s)",
    async (_, find) => {
      const XDG_RUNTIME_DIR = createFolder(join(folder, "run"));
      for (const more of [{ XDG_RUNTIME_DIR }, {}]) {
        await using exposed = await exposeThroughNgrok([SERVER], { env: { TMPDIR: find(), ...more } });
        expect(await guess(exposed.ingress.publicUrl, 1, () => ({ from: "127.0.0.2" }))).toEqual([401]);
        expect(await sourcesIn(exposed.program, 1)).toEqual(["127.0.0.2"]);
        expect(readdirSync(XDG_RUNTIME_DIR)).toHaveLength("XDG_RUNTIME_DIR" in more ? 1 : 0);
      }
    },
  );

  test("found 14: a socket that something has cleaned away is made again, closed to others as before, with one warning", async () => {
    await using exposed = await exposeThroughNgrok([SERVER], { env: { TMPDIR: folder } });
    const own = join(folder, readdirSync(folder)[0] ?? "");
    const socket = join(own, "tunnel.sock");
    const { program } = exposed;
    for (const gone of [own, socket]) {
      rmSync(gone, { recursive: true });
      await until("the socket is there again", () => existsSync(socket));
      expect(statSync(own).mode & 0o777).toBe(0o700);
      expect((await ask(`${exposed.ingress.publicUrl}/healthz`)).status).toBe(200);
    }
    expect(program.stderr().match(/socket had gone from/g)).toHaveLength(1);
  });
});

test("found 14: where the tunnel has no socket of its own, a warning names the consequence", () => {
  const lines: string[] = [];
  const folders = [join(folder, "nowhere"), createFolder(join(folder, "x".repeat(100)))];
  const server = createTunnelServer({ platform: "linux", folders, warn: (line) => lines.push(line) });
  expect(server).toBeUndefined();
  expect(lines).toEqual([expect.stringMatching(/^The tunnel has no socket of its own .* one address/)]);
  expect(readdirSync(folders[1]!)).toEqual([]);
});

describe("through the user's own programs", () => {
  test("found 14: cloudflared is sent to the tunnel's own socket, and is trusted there alone", async () => {
    await using exposed = await exposeThroughCloudflared([SERVER]);
    const { program, config, socket, folder: own } = exposed;
    expect(config).toEqual({ ingress: [{ service: `unix:${socket}` }] });
    expect(statSync(own).mode & 0o777).toBe(0o700);
    const local = new URL(program.ready.local).origin;
    const { host } = new URL(program.ready.url);
    const page = await openPage(local, authorizeQuery(await registerClient(local)));
    const answer = await fetch(`http://${host}/authorize`, {
      unix: socket,
      method: "POST",
      headers: { cookie: page.cookie, "x-forwarded-for": "198.51.100.1, 203.0.113.7" },
      body: new URLSearchParams({ ...page.fields, token: "guess", decision: "approve" }),
    });
    expect([answer.status, answer.headers.get("connection")]).toEqual([401, "close"]);
    await guess(local, 1, () => ({ headers: { "x-forwarded-for": "203.0.113.8" } }));
    expect(await sourcesIn(program, 2)).toEqual(["203.0.113.7", "127.0.0.1 (a proxy)"]);
  });

  test("found 14: tailscale comes to the public port, and is not trusted there", async () => {
    const PATH = `${join(ROOT, "test/fixtures/bin")}:${process.env["PATH"]}`;
    const env = { PATH, STAND_IN: "", STAND_IN_LOG: join(folder, "runs") };
    await using program = await startProgram(["--tunnel", "tailscale", SERVER], { env });
    const local = new URL(program.ready.local).origin;
    const { args } = JSON.parse(readFileSync(join(folder, "runs"), "utf8")) as { args: string[] };
    expect(args).toEqual(["funnel", "--yes", local]);
    const { host } = new URL(program.ready.url);
    await guess(local, 1, () => ({ headers: { host, "x-forwarded-for": "203.0.113.8" } }));
    expect(await sourcesIn(program, 1)).toEqual(["127.0.0.1 (a proxy)"]);
  });
});

test("found 14: a proxy on loopback is not trusted, and requests through it do not hold up the person at this machine", async () => {
  const words = ["--public-url", "https://proxied.example", "--token", "a-token-that-is-configured", SERVER];
  await using program = await startProgram(words);
  const local = new URL(program.ready.local).origin;
  const forge = (index: number) => ({
    headers: { host: "proxied.example", "x-forwarded-for": `198.51.100.${index}` },
  });
  expect(await guess(local, 12, forge)).toEqual(TEN_THEN_NONE);
  expect(await guess(local, 1, () => ({}))).toEqual([401]);
  expect(await sourcesIn(program, 2)).toEqual(["127.0.0.1 (a proxy)", "127.0.0.1"]);
});
