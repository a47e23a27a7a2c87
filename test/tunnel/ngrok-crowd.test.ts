// Opens more streams at once than the addon survives: the tunnel's listener accepts what the addon carries and refuses the rest.
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { tmpdir } from "node:os";
import { request, type IncomingMessage } from "node:http";
import { createHttpServer } from "../../src/http/http-server.ts";
import { createPublicServer } from "../../src/http/public-server.ts";
import { createTunnelServer } from "../../src/http/tunnel-server.ts";
import { groupSource } from "../../src/oauth/limits/source.ts";
import { ngrok } from "../../src/tunnel/ngrok/ngrok.ts";
import { AGENTS, createWorkshop, FORMS, until } from "./open-tunnel.ts";

setDefaultTimeout(60_000);

const workshop = createWorkshop();
afterEach(workshop.clean);

test.each(FORMS)(
  "of 500 event streams asked for at once 400 are served, 100 refused, and the session lives (%s)",
  async (form) => {
    const ingress = await workshop.startIngress();
    const httpServer = createHttpServer({ host: "127.0.0.1", port: 0 });
    workshop.add(httpServer.stop);
    const pulses = new Set<ReadableStreamDefaultController>();
    const tunnelServer = createTunnelServer({
      platform: process.platform,
      folders: [tmpdir()],
      warn: () => {},
    });
    if (tunnelServer === undefined) throw new Error("no socket");
    workshop.add(tunnelServer.stop);
    const publicServer = createPublicServer({
      httpServer,
      tunnelServer,
      isTunneled: true,
      isProxied: true,
      groupSource,
    });
    const serve = async ({ url }: Request) =>
      url.endsWith("/healthz") ? new Response("ok") : new Response(openStream(pulses));
    publicServer.serve(httpServer.origin, serve, () => {});
    const openNgrok = workshop.createNgrok(ingress, { agent: AGENTS[form] });
    const opened = await workshop.open(openNgrok, publicServer.target);
    let refusals = 0;
    publicServer.slots.setLimit(ngrok.capabilities.maxRequests!, () => refusals++);
    const session = ingress.sessions[0];

    const answers = await Promise.all(Array.from({ length: 500 }, () => ask(opened.url)));
    const served = answers.filter(({ statusCode }) => statusCode === 200);
    const refused = answers.filter(({ statusCode }) => statusCode === 503);
    expect([served.length, refused.length, refusals]).toEqual([400, 100, 100]);
    expect(refused.every(({ headers }) => headers["retry-after"] === "5")).toBeTrue();
    expect(await textOf(refused[0]!)).toContain("400 requests and streams are open");

    const heard = Promise.all(served.map((answer) => new Promise((done) => answer.once("data", done))));
    for (const pulse of pulses) pulse.enqueue(": alive\n\n");
    await heard;
    expect(ingress.sessions).toEqual([session!]);
    expect(opened.recorded).toEqual([]);

    served[0]!.destroy();
    await until(() => pulses.size === 399, "the stream is given up");
    expect((await ask(`${opened.url}/healthz`)).statusCode).toBe(200);
    for (const answer of answers) answer.destroy();
  },
);

function openStream(pulses: Set<ReadableStreamDefaultController>): ReadableStream {
  let own: ReadableStreamDefaultController;
  return new ReadableStream({
    start(controller) {
      own = controller;
      controller.enqueue(": open\n\n");
      pulses.add(controller);
    },
    cancel: () => void pulses.delete(own),
  });
}

/** Not `fetch`: Bun's opens 256 at a time. */
function ask(url: string): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request(url, { agent: false }, (answer) => {
    answer.on("error", () => {});
    resolve(answer);
  })
    .on("error", reject)
    .end();
  return promise;
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of answer) text += String(chunk);
  return text;
}
