// The real @ngrok/ngrok addon against a stand-in of ngrok's ingress, both on loopback.
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { createServer, type AddressInfo } from "node:net";
import { hostname } from "node:os";
import { createLog } from "../../src/log.ts";
import { createNgrok } from "../../src/tunnel/ngrok.ts";
import { startIngress, type Ingress, type IngressOptions } from "../ngrok-ingress/ingress.ts";
import { startNgrok, until, type NgrokArgument, type NgrokProcess } from "./ngrok-process.ts";

setDefaultTimeout(60_000);

const AUTHTOKEN = "2abcDEF_stand-in-authtoken";
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startStandIn(options: IngressOptions = {}): Promise<Ingress> {
  const ingress = await startIngress(options);
  cleanups.push(ingress.close);
  return ingress;
}

function startTarget(fetch: (request: Request) => Response | Promise<Response>): {
  host: string;
  port: number;
} {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch });
  cleanups.push(() => server.stop(true));
  return { host: "127.0.0.1", port: server.port ?? 0 };
}

function startProcess(
  ingress: Pick<Ingress, "server" | "caFile">,
  argument: Partial<NgrokArgument> = {},
): NgrokProcess {
  const { server, caFile } = ingress;
  const target = { host: "127.0.0.1", port: 9 };
  const ngrok = startNgrok({ authtoken: AUTHTOKEN, server, caFile, target, ...argument });
  cleanups.push(ngrok.kill);
  return ngrok;
}

/** What a person is told, and everything the process wrote. */
async function collectRefusal(ngrok: NgrokProcess) {
  const { message, hint, exitCode } = await ngrok.next("refused");
  const { output } = await ngrok.finish();
  return { message: String(message), hint: String(hint), exitCode, output };
}

describe("an open tunnel", () => {
  async function open(fetch: (request: Request) => Response | Promise<Response>, options?: IngressOptions) {
    const ingress = await startStandIn(options);
    const ngrok = startProcess(ingress, { target: startTarget(fetch) });
    const { url } = await ngrok.next("open");
    return { ingress, ngrok, url: String(url) };
  }

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

  test("carries 8 MB each way unharmed", async () => {
    const body = crypto.getRandomValues(new Uint8Array(65_536));
    const large = Buffer.concat(
      Array.from({ length: 128 }, (_, index) => Buffer.from(body).fill(index, 0, 4)),
    );
    const { url } = await open(async (request) => new Response(await request.bytes()));
    const response = await fetch(url, { method: "POST", body: large });
    const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
    expect(digest(await response.bytes())).toBe(digest(large));
  });

  test.each(["fin", "rst"] as const)(
    "lets the target know that a client went away (%s)",
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

  test("takes the URL offline when it is closed, and frees the agent when the process ends", async () => {
    const { ingress, ngrok, url } = await open(() => new Response("here"));
    expect(await (await fetch(url)).text()).toBe("here");
    ngrok.tell("close");
    await ngrok.next("closed");
    expect(ingress.binds).toHaveLength(0);
    expect((await fetch(url)).headers.get("ngrok-error-code")).toBe("ERR_NGROK_3200");
    expect((await ngrok.finish()).exitCode).toBe(0);
    await until(() => ingress.sessions.length === 0, "the agent is gone");
  });

  test("tells ngrok the program's name and nothing about the machine", async () => {
    const { ingress } = await open(() => new Response());
    const told = JSON.stringify([ingress.sessions[0]?.auth, ingress.binds[0]?.request]);
    expect(ingress.sessions[0]?.auth?.Extra.UserAgent).toStartWith("mcp-expose/");
    expect(told).not.toContain(process.cwd());
    expect(told).not.toContain(hostname());
  });

  test("asks for the domain it was given", async () => {
    const ingress = await startStandIn({ domains: ["own.ngrok-free.dev", "mine.example.com"] });
    const ngrok = startProcess(ingress, { domain: "Mine.Example.com" });
    await ngrok.next("open");
    expect(ingress.binds[0]?.domain).toBe("mine.example.com");
  });
});

describe("an open tunnel that breaks", () => {
  const heartbeat = { interval: 1, tolerance: 1 };

  test.each(["drop", "goaway"] as const)("tells that it is down and up again after a %s", async (how) => {
    const ingress = await startStandIn();
    const ngrok = startProcess(ingress, { target: startTarget(() => new Response("here")), heartbeat });
    const { url } = await ngrok.next("open");
    const [broken] = ingress.sessions;
    broken?.[how]();
    await ngrok.next("down");
    expect(await ngrok.next("up")).toEqual({ event: "up", url });
    await until(() => ingress.binds.some(({ session }) => session !== broken), "the endpoint is bound again");
    expect(await (await fetch(String(url))).text()).toBe("here");
  });

  test("tells that it is down when ngrok falls silent", async () => {
    const ingress = await startStandIn();
    const ngrok = startProcess(ingress, { heartbeat });
    await ngrok.next("open");
    ingress.sessions[0]?.mute();
    expect(await ngrok.next("down")).toEqual({ event: "down", reason: "ngrok no longer answers" });
  });

  test("tells that it has failed when ngrok stops it, with ngrok's reason", async () => {
    const ingress = await startStandIn();
    const ngrok = startProcess(ingress);
    await ngrok.next("open");
    ingress.sessions[0]?.stopTunnel(
      ingress.binds[0]?.id ?? "",
      "Stopped from the dashboard.",
      "ERR_NGROK_701",
    );
    expect(await ngrok.next("failed")).toEqual({
      event: "failed",
      reason: "ngrok refused: Stopped from the dashboard. (ERR_NGROK_701).",
      advice: "See https://ngrok.com/docs/errors/err_ngrok_701",
    });
  });

  test("shows the stack when a handler of ours throws, and is not aborted by the addon", async () => {
    const ingress = await startStandIn();
    const ngrok = startProcess(ingress, { heartbeat, throwOnDown: true });
    await ngrok.next("open");
    ingress.sessions[0]?.drop();
    await ngrok.next("down");
    const { exitCode, output } = await ngrok.finish();
    expect(exitCode).toBe(1);
    expect(output).toContain("a handler threw");
  });
});

describe("a tunnel that is refused", () => {
  const authtokenPage = "https://dashboard.ngrok.com/get-started/your-authtoken";
  test.each([
    ["ERR_NGROK_105", "does not recognise the authtoken", authtokenPage],
    ["ERR_NGROK_107", "does not accept the authtoken", authtokenPage],
    ["ERR_NGROK_999", "Your authtoken: [redacted]", "https://ngrok.com/docs/errors/err_ngrok_999"],
  ] as const)(
    "advises on an authtoken that is refused with %s, and never shows it",
    async (code, words, page) => {
      const ingress = await startStandIn({ refuseAuthtoken: code });
      const { message, hint, exitCode, output } = await collectRefusal(startProcess(ingress));
      expect(message).toContain(words);
      expect(message).toEndWith(`(${code}).`);
      expect(hint).toContain(page);
      expect(exitCode).toBe(1);
      expect(output).toContain("[redacted]");
      expect(output).not.toContain(AUTHTOKEN);
    },
  );

  test("without an authtoken dials nobody and tells how to get one", async () => {
    const ingress = await startStandIn();
    const { message, hint, exitCode } = await collectRefusal(startProcess(ingress, { authtoken: " " }));
    expect(message).toContain("ERR_NGROK_4018");
    expect(hint).toContain("NGROK_AUTHTOKEN");
    expect(exitCode).toBe(1);
    expect(ingress.sessions).toHaveLength(0);
  });

  test("names the domain that belongs to somebody else", async () => {
    const ingress = await startStandIn();
    const { message, hint, exitCode } = await collectRefusal(
      startProcess(ingress, { domain: "foreign.example.com" }),
    );
    expect(message).toContain('"foreign.example.com"');
    expect(message).toContain("ERR_NGROK_320");
    expect(hint).toContain("https://dashboard.ngrok.com/domains");
    expect(exitCode).toBe(1);
  });

  test("names the domain that is already online", async () => {
    const ingress = await startStandIn();
    await startProcess(ingress).next("open");
    const { message, exitCode } = await collectRefusal(
      startProcess(ingress, { domain: "stand-in.ngrok-free.dev" }),
    );
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
    const log = createLog({ level: "quiet", write: () => {}, color: false });
    expect(() => createNgrok({ authtoken: AUTHTOKEN, domain, log })).toThrow(
      expect.objectContaining({
        name: "UserError",
        exitCode: 2,
        message: expect.stringContaining(`"${domain}"`),
      }),
    );
  });
});

describe("an ngrok that cannot be reached", () => {
  test("is told by the port that takes no connection", async () => {
    const { caFile } = await startStandIn();
    const vacated = createServer();
    await new Promise<void>((done) => vacated.listen(0, "127.0.0.1", done));
    const { port } = vacated.address() as AddressInfo;
    await new Promise((done) => vacated.close(done));
    const refusal = await collectRefusal(startProcess({ server: `127.0.0.1:${port}`, caFile }));
    expect(refusal.message).toBe(
      `ngrok cannot be reached: no connection to "127.0.0.1" port ${port} (ECONNREFUSED).`,
    );
    expect(refusal.hint).toContain("firewall");
    expect(refusal.exitCode).toBe(1);
  });

  test("is told by the name that cannot be looked up", async () => {
    const { caFile } = await startStandIn();
    const { message, hint } = await collectRefusal(startProcess({ server: "ngrok.invalid:443", caFile }));
    expect(message).toContain('"ngrok.invalid" cannot be looked up');
    expect(hint).toContain("online");
  });

  test("is not trusted when another root vouches for it", async () => {
    const { server } = await startStandIn();
    const { caFile } = await startStandIn();
    const { message, hint } = await collectRefusal(startProcess({ server, caFile }));
    expect(message).toContain("does not prove to be ngrok");
    expect(hint).toContain("proxy");
  });

  test("is given up after the time limit when it takes the connection and stays silent", async () => {
    const { caFile } = await startStandIn();
    const silent = createServer();
    await new Promise<void>((done) => silent.listen(0, "127.0.0.1", done));
    cleanups.push(() => silent.close());
    const { port } = silent.address() as AddressInfo;
    const { message } = await collectRefusal(
      startProcess({ server: `127.0.0.1:${port}`, caFile }, { timeout: 300 }),
    );
    expect(message).toContain("takes connections and stays silent");
  });

  test("is told as such when the addon does not exist for the platform", async () => {
    const ingress = await startStandIn();
    const { message, hint, exitCode } = await collectRefusal(startProcess(ingress, { platform: "sunos" }));
    expect(message).toContain("cannot run on this machine");
    expect(message).toContain("sunos");
    expect(hint).toContain("--public-url");
    expect(exitCode).toBe(1);
  });
});
