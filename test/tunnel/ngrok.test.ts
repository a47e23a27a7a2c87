// The real @ngrok/ngrok addon in its own process, against a stand-in of ngrok's ingress, both on loopback.
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { createServer, type AddressInfo } from "node:net";
import { hostname } from "node:os";
import { ngrok, type NgrokOptions } from "../../src/tunnel/ngrok/ngrok.ts";
import type { TunnelTarget } from "../../src/tunnel/tunnel.ts";
import type { Ingress, IngressOptions } from "../ngrok-ingress/ingress.ts";
import { AGENTS, AUTHTOKEN, createWorkshop, FORMS, QUICK, refusalOf, until } from "./open-tunnel.ts";

setDefaultTimeout(60_000);

const workshop = createWorkshop();
afterEach(workshop.clean);

type Handler = (request: Request) => Response | Promise<Response>;

async function open(handler: Handler, options: IngressOptions & Partial<NgrokOptions> = {}) {
  const ingress = await workshop.startIngress(options);
  const target = workshop.startTarget(handler);
  return { ingress, target, ...(await workshop.open(workshop.createNgrok(ingress, options), target)) };
}

async function refuse(ingress: Pick<Ingress, "server" | "caFile">, options: Partial<NgrokOptions> = {}) {
  const refusal = await refusalOf(workshop.open(workshop.createNgrok(ingress, options)));
  return { ...refusal, output: workshop.output() };
}

const here = () => new Response("here");
const read = async (url: string) => (await fetch(url)).text();

describe("an open tunnel", () => {
  test("carries a request to the target under the public name, and the answer back", async () => {
    const { ingress, url } = await open(async (request) => {
      const { method, headers } = request;
      return Response.json(
        { method, host: headers.get("host"), body: await request.text() },
        { status: 201 },
      );
    });
    expect(url).toBe(ingress.publicUrl);
    const response = await fetch(`${url}/mcp?x=1`, { method: "POST", body: "hello" });
    expect(response.status).toBe(201);
    expect(await response.json()).toEqual({ method: "POST", host: new URL(url).host, body: "hello" });
  });

  test("passes each event of an event stream on while the stream is open", async () => {
    const emit = Promise.withResolvers<(text: string) => void>();
    const { url } = await open(() => {
      const events = new ReadableStream({
        start: (controller) => emit.resolve((text) => controller.enqueue(`data: ${text}\n\n`)),
      });
      return new Response(events, { headers: { "content-type": "text/event-stream" } });
    });
    const pending = fetch(url);
    const send = await emit.promise;
    send("1");
    const reader = (await pending).body!.getReader();
    for (const text of ["1", "2", "3"]) {
      if (text !== "1") send(text);
      const { value } = await reader.read();
      expect(new TextDecoder().decode(value)).toBe(`data: ${text}\n\n`);
    }
    await reader.cancel();
  });

  test.each(["fin", "rst"] as const)(
    "closes the target's connection when a client has gone (%s)",
    async (howToAbort) => {
      const aborted = Promise.withResolvers<void>();
      async function* beat() {
        for (;;) {
          yield ": beat\n\n";
          await Bun.sleep(20);
        }
      }
      const { ingress, url } = await open(
        (request) => {
          request.signal.addEventListener("abort", () => aborted.resolve());
          return new Response(beat(), { headers: { "content-type": "text/event-stream" } });
        },
        { howToAbort },
      );
      const client = new AbortController();
      const response = await fetch(url, { signal: client.signal });
      await response.body!.getReader().read();
      client.abort();
      await aborted.promise;
      await until(() => ingress.sessions[0]?.mux.streamCount() === 1, "only the heartbeat's stream is left");
    },
  );

  test("reports the round trip to ngrok, and has the capabilities of ngrok", async () => {
    const { tunnel } = await open(here);
    expect(tunnel.roundTrip).toBeWithin(0, 10_000);
    expect(ngrok.capabilities).toMatchObject({
      stableUrl: true,
      streamsGet: true,
      account: true,
      maxRequests: 400,
    });
  });

  test("sends ngrok the program's name and nothing about the machine", async () => {
    const { ingress } = await open(here);
    const told = JSON.stringify([ingress.sessions[0]?.auth, ingress.binds[0]?.request]);
    expect(ingress.sessions[0]?.auth?.Extra.UserAgent).toStartWith("mcp-expose/");
    expect(told).not.toContain(process.cwd());
    expect(told).not.toContain(hostname());
  });

  test("asks for the domain it was given", async () => {
    const ingress = await workshop.startIngress({ domains: ["own.ngrok-free.dev", "mine.example.com"] });
    await workshop.open(workshop.createNgrok(ingress, { domain: "Mine.Example.com" }));
    expect(ingress.binds[0]?.domain).toBe("mine.example.com");
  });

  test("sends ngrok the traffic policy", async () => {
    const trafficPolicy = "on_http_request:\n  - actions:\n      - type: deny\n";
    const { ingress } = await open(here, { policy: { trafficPolicy, fetch } });
    expect(ingress.binds[0]?.request.Opts["TrafficPolicy"]).toBe(trafficPolicy);
  });
});

describe.each(FORMS)("the addon, run from the %s,", (form) => {
  const agent = AGENTS[form];

  test("opens, and ends the URL and the agent when the tunnel is closed", async () => {
    const { ingress, tunnel, url } = await open(here, { agent });
    expect(await read(url)).toBe("here");
    await tunnel.close();
    await until(() => ingress.sessions.length === 0, "the agent is gone");
    expect(ingress.unbound).toEqual(["stand-in.ngrok-free.dev"]);
    expect((await fetch(url)).headers.get("ngrok-error-code")).toBe("ERR_NGROK_3200");
  });

  test.each(["drop", "goaway"] as const)("reopens the same URL after a %s", async (how) => {
    const { ingress, url, recorded, next } = await open(here, { agent });
    const up = next("up");
    ingress.sessions[0]?.[how]();
    expect((await up).up.url).toBe(url);
    expect(recorded[0]).toMatchObject({ down: { reason: "The connection to ngrok broke.", nextTry: 500 } });
    expect(await read(url)).toBe("here");
    expect(ingress.sessions).toHaveLength(1);
  });

  test("notices that ngrok has gone silent, and reopens the tunnel", async () => {
    const { ingress, url, recorded, next } = await open(here, { agent, heartbeat: QUICK });
    const up = next("up");
    ingress.sessions[0]?.mute();
    await up;
    expect(recorded[0]).toMatchObject({ down: { reason: "ngrok no longer answers." } });
    expect(await read(url)).toBe("here");
  });

  test("reopens the tunnel after a time in which ngrok's port accepted connections without TLS", async () => {
    const { ingress, url, next } = await open(here, { agent, timeout: 700 });
    const before = ingress.connectionCount();
    const up = next("up");
    await ingress.cutOff("silent");
    await until(() => ingress.connectionCount() >= before + 4, "it was tried for more than once");
    await ingress.restore();
    await up;
    expect(await read(url)).toBe("here");
  });

  test("survives a peer that sends more than it was granted", async () => {
    const { ingress, url, recorded } = await open(here, { agent });
    const [session] = ingress.sessions;
    session?.violateWindow(ingress.binds[0]!.id);
    expect(await read(url)).toBe("here");
    await until(() => session?.mux.streamCount() === 1, "the broken stream is gone");
    expect(recorded).toEqual([]);
    expect(ingress.sessions).toEqual([session!]);
  });

  test("reports ngrok's reason when its endpoint was stopped, and does not reopen it", async () => {
    const { ingress, next, recorded } = await open(here, { agent });
    const failed = next("failed");
    ingress.sessions[0]?.stopTunnel(ingress.binds[0]!.id, "Stopped from the dashboard.", "ERR_NGROK_701");
    expect(await failed).toEqual({
      failed: "ngrok refused: Stopped from the dashboard. (ERR_NGROK_701).",
      advice: "See https://ngrok.com/docs/errors/err_ngrok_701",
    });
    await until(() => ingress.sessions.length === 0, "the agent is gone");
    expect(recorded).toHaveLength(1);
  });

  test("obeys the dashboard's stop button", async () => {
    const { ingress, next } = await open(here, { agent });
    const failed = next("failed");
    ingress.sessions[0]?.stop();
    expect((await failed).failed).toContain("stopped from the dashboard");
    await until(() => ingress.sessions.length === 0, "the agent is gone");
  });

  test("waits for its domain while another agent holds it", async () => {
    const ingress = await workshop.startIngress();
    ingress.occupy("stand-in.ngrok-free.dev");
    const opening = workshop.open(workshop.createNgrok(ingress, { agent }));
    await until(() => ingress.connectionCount() >= 2, "it was tried for more than once");
    ingress.release("stand-in.ngrok-free.dev");
    expect((await opening).url).toBe(ingress.publicUrl);
    expect((await opening).recorded[0]).toMatchObject({ warning: expect.stringContaining("already online") });
  });

  test("advises on a refused authtoken, and never shows it", async () => {
    const ingress = await workshop.startIngress({ refuseAuthtoken: "ERR_NGROK_105" });
    const { message, hint, exitCode, output } = await refuse(ingress, { agent });
    expect(message).toBe("ngrok does not recognise the authtoken (ERR_NGROK_105).");
    expect(hint).toContain("https://dashboard.ngrok.com/get-started/your-authtoken");
    expect(exitCode).toBe(1);
    expect(output).toContain("[redacted]");
    expect(output).not.toContain(AUTHTOKEN);
    expect(ingress.connectionCount()).toBe(1);
  });

  test("carries a POST of 32 MB", async () => {
    const body = Buffer.alloc(32 * 2 ** 20, "0123456789abcdef\n");
    const { url } = await open(async (request) => new Response(digest(await request.bytes())), { agent });
    const response = await fetch(url, { method: "POST", body });
    expect(await response.text()).toBe(digest(body));
  });

  test("carries 64 MB to a reader that stops on the way, and holds the sender meanwhile", async () => {
    const chunk = Buffer.alloc(2 ** 20, "fedcba9876543210\n");
    let sent = 0;
    const { url } = await open(
      () =>
        new Response(
          new ReadableStream({
            pull(controller) {
              if (sent === 64) return controller.close();
              sent++;
              controller.enqueue(chunk);
            },
          }),
        ),
      { agent },
    );
    const reader = (await fetch(url)).body!.getReader();
    let received = 0;
    const hash = createHash("sha256");
    const take = async () => {
      const { value } = await reader.read();
      if (value === undefined) return false;
      received += value.length;
      hash.update(value);
      return true;
    };
    await take();
    await untilSteady(() => sent);
    expect(sent).toBeLessThan(48);
    while (await take());
    const whole = createHash("sha256");
    for (let part = 0; part < 64; part++) whole.update(chunk);
    expect(received).toBe(64 * 2 ** 20);
    expect(hash.digest("hex")).toBe(whole.digest("hex"));
  });
});

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Polls until a number has not changed for half a second. */
async function untilSteady(read: () => number): Promise<void> {
  let last = { value: read(), at: performance.now() };
  await until(() => {
    if (read() !== last.value) last = { value: read(), at: performance.now() };
    return performance.now() - last.at > 500;
  }, "it stands still");
}

test("notices that the agent itself hangs, and starts another one", async () => {
  const { ingress, url, recorded, next } = await open(here, { heartbeat: QUICK });
  const up = next("up");
  const pgrep = Bun.spawnSync(["pgrep", "-P", String(process.pid), "-f", "ngrok-agent"]);
  process.kill(Number(pgrep.stdout.toString()), "SIGSTOP");
  await up;
  expect(recorded[0]).toMatchObject({ down: { reason: "The ngrok agent does not respond." } });
  expect(await read(url)).toBe("here");
  expect(ingress.sessions).toHaveLength(1);
});

describe("a tunnel that is lost for good", () => {
  test("is given up with advice when the authtoken was revoked meanwhile", async () => {
    const { ingress, next } = await open(here);
    const failed = next("failed");
    ingress.revokeAuthtoken("ERR_NGROK_107");
    ingress.sessions[0]?.drop();
    expect(await failed).toMatchObject({ failed: "ngrok does not accept this authtoken (ERR_NGROK_107)." });
  });
});

describe("a tunnel that is refused", () => {
  const authtokenPage = "https://dashboard.ngrok.com/get-started/your-authtoken";
  test.each([
    ["ERR_NGROK_107", "does not accept this authtoken", authtokenPage],
    ["ERR_NGROK_108", "as many agents as it may", "https://dashboard.ngrok.com/agents"],
    ["ERR_NGROK_999", "Your authtoken: [redacted]", "https://ngrok.com/docs/errors/err_ngrok_999"],
  ] as const)("advises on %s, and never shows the authtoken", async (code, words, page) => {
    const ingress = await workshop.startIngress({ refuseAuthtoken: code });
    const { message, hint, exitCode, output } = await refuse(ingress);
    expect(message).toContain(words);
    expect(message).toEndWith(`(${code}).`);
    expect(hint).toContain(page);
    expect(exitCode).toBe(1);
    expect(output).not.toContain(AUTHTOKEN);
  });

  test("without an authtoken makes no connection and says how to get one", async () => {
    const ingress = await workshop.startIngress();
    const { message, hint, exitCode } = await refuse(ingress, { authtoken: " " });
    expect(message).toContain("ERR_NGROK_4018");
    expect(hint).toContain("NGROK_AUTHTOKEN");
    expect(exitCode).toBe(1);
    expect(ingress.connectionCount()).toBe(0);
  });

  test("names the domain that belongs to another account", async () => {
    const ingress = await workshop.startIngress();
    const { message, hint, exitCode } = await refuse(ingress, { domain: "foreign.example.com" });
    expect(message).toContain('"foreign.example.com"');
    expect(message).toContain("ERR_NGROK_320");
    expect(hint).toContain("https://dashboard.ngrok.com/domains");
    expect(exitCode).toBe(1);
    expect(ingress.connectionCount()).toBe(1);
  });

  test("names the domain that stays occupied", async () => {
    const ingress = await workshop.startIngress();
    const { target } = { target: workshop.startTarget(here) };
    await workshop.open(workshop.createNgrok(ingress), target);
    const domain = "stand-in.ngrok-free.dev";
    const { message, exitCode } = await refuse(ingress, {
      domain,
      timing: { ...workshop.timing, patience: 600 },
    });
    expect(message).toBe('ngrok says that "stand-in.ngrok-free.dev" is already online (ERR_NGROK_334).');
    expect(exitCode).toBe(1);
    expect(ingress.binds).toHaveLength(1);
  });

  test.each([
    "https://my.example.com",
    "my.example.com/mcp",
    "my.example.com:443",
    "localhost",
    "a b.example",
    "-a.b",
  ])("is not even tried for the domain %p", (domain) => {
    expect(() => workshop.createNgrok({ server: "127.0.0.1:1", caFile: "" }, { domain })).toThrow(
      expect.objectContaining({
        name: "UserError",
        exitCode: 2,
        message: expect.stringContaining(`"${domain}"`),
      }),
    );
  });
});

describe("an ngrok that cannot be reached", () => {
  test("names the port that refuses the connection", async () => {
    const { caFile } = await workshop.startIngress();
    const { port } = await listenAndStop();
    const refusal = await refuse({ server: `127.0.0.1:${port}`, caFile });
    expect(refusal.message).toBe(
      `ngrok cannot be reached: no connection to "127.0.0.1" port ${port} (ECONNREFUSED).`,
    );
    expect(refusal.hint).toContain("firewall");
    expect(refusal.exitCode).toBe(1);
  });

  test("names the host that cannot be looked up", async () => {
    const { caFile } = await workshop.startIngress();
    const { message, hint } = await refuse({ server: "ngrok.invalid:443", caFile });
    expect(message).toContain('looking up "ngrok.invalid" failed');
    expect(hint).toContain("online");
  });

  test("is not trusted if its certificate is from another root", async () => {
    const { server } = await workshop.startIngress();
    const { caFile } = await workshop.startIngress();
    const { message, hint } = await refuse({ server, caFile });
    expect(message).toContain("could not prove that it is ngrok");
    expect(hint).toContain("proxy");
  });

  test("is given up after the time limit if it accepts the connection and stays silent", async () => {
    const ingress = await workshop.startIngress();
    await ingress.cutOff("silent");
    const { message } = await refuse(ingress, { timeout: 300 });
    expect(message).toContain("accepts connections and stays silent");
  });

  test("does not delay an abort: the agent is killed at once", async () => {
    const ingress = await workshop.startIngress();
    await ingress.cutOff("silent");
    const giveUp = new AbortController();
    const target: TunnelTarget = { host: "127.0.0.1", port: 9 };
    const silent = { up() {}, down() {}, failed() {}, warn() {} };
    const opening = workshop.createNgrok(ingress)(target, silent, giveUp.signal).catch(String);
    await until(() => ingress.connectionCount() > 0, "it connects");
    giveUp.abort("given up");
    expect(await opening).toBe("given up");
  });

  test("fails with that reason if the agent cannot be started", async () => {
    const ingress = await workshop.startIngress();
    const agent = { file: "/nonexistent/mcp-expose", args: [], env: {} };
    const { message, exitCode } = await refuse(ingress, { agent });
    expect(message).toContain("agent could not be started");
    expect(exitCode).toBe(1);
  });

  test("fails with that reason if the addon cannot be loaded", async () => {
    const ingress = await workshop.startIngress();
    const agent = { ...AGENTS.compiled, env: { ...AGENTS.compiled.env, TMPDIR: "/proc" } };
    const { message, hint, exitCode } = await refuse(ingress, { agent });
    expect(message).toContain("cannot run on this machine");
    expect(hint).toContain("TMPDIR");
    expect(exitCode).toBe(1);
  });
});

async function listenAndStop(): Promise<{ port: number }> {
  const vacated = createServer();
  await new Promise<void>((done) => vacated.listen(0, "127.0.0.1", done));
  const { port } = vacated.address() as AddressInfo;
  await new Promise((done) => vacated.close(done));
  return { port };
}
