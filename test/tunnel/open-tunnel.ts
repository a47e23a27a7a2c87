// Opens an ngrok tunnel on the real addon against a stand-in of ngrok's ingress, and records its events.
import { join } from "node:path";
import { createLog } from "../../src/log.ts";
import type { AgentCommand } from "../../src/tunnel/ngrok/agent-process.ts";
import { ngrok, type NgrokOptions } from "../../src/tunnel/ngrok/ngrok.ts";
import type {
  Outage,
  OpenTunnel,
  Timing,
  Tunnel,
  TunnelEvents,
  TunnelTarget,
  TunnelConnection,
} from "../../src/tunnel/tunnel.ts";
import { startIngress, type Ingress, type IngressOptions } from "../ngrok-ingress/ingress.ts";
import { BINARY } from "../packaging/artifacts.ts";
import { ROOT } from "../program.ts";

export const AUTHTOKEN = "2abcDEF_stand-in-authtoken";

const ENV = { ...process.env, MCP_EXPOSE_AGENT: "ngrok" };

/** The agent as this program starts it: from its source, and from the compiled binary, which `npm test` makes. */
export const AGENTS = {
  source: { file: process.execPath, args: [join(ROOT, "src/main.ts"), "ngrok-agent"], env: ENV },
  compiled: { file: BINARY, args: ["ngrok-agent"], env: ENV },
} satisfies Record<string, AgentCommand>;

export const FORMS = Object.keys(AGENTS) as (keyof typeof AGENTS)[];

export type Recorded =
  | { up: TunnelConnection }
  | { down: Outage }
  | { failed: string; advice: string | undefined }
  | { warning: string };

export interface Opened {
  tunnel: Tunnel;
  url: string;
  /** All events since it opened. */
  recorded: Recorded[];
  /** The first event of this name from now on. */
  next<Name extends string>(name: Name): Promise<Extract<Recorded, Record<Name, unknown>>>;
}

const DEADLINE = 25_000;

/** Short heartbeats, so that silence is noticed while a test waits; no chance in the delays. */
export const QUICK = { interval: 1, tolerance: 1 };

const TIMING: Timing = {
  now: Date.now,
  random: () => 0,
  sleep(ms, signal) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()));
    return signal.aborted ? Promise.resolve() : promise;
  },
};

/** Starts what a test needs, and ends it with the test. */
export function createWorkshop() {
  const cleanups: (() => unknown)[] = [];
  let output = "";
  const log = createLog({ level: "verbose", write: (text) => void (output += text), color: false });

  return {
    log,
    timing: TIMING,
    /** Everything that was logged. */
    output: () => output,
    add: (cleanup: () => unknown) => void cleanups.push(cleanup),
    async clean() {
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
      output = "";
    },
    async startIngress(options: IngressOptions = {}): Promise<Ingress> {
      const ingress = await startIngress(options);
      cleanups.push(ingress.close);
      return ingress;
    },
    startTarget(fetch: (request: Request) => Response | Promise<Response>): TunnelTarget {
      const server = Bun.serve({ port: 0, hostname: "127.0.0.1", idleTimeout: 0, fetch });
      cleanups.push(() => server.stop(true));
      return { host: "127.0.0.1", port: server.port ?? 0 };
    },
    createNgrok(
      ingress: Pick<Ingress, "server" | "caFile">,
      options: Partial<NgrokOptions> = {},
    ): OpenTunnel {
      const { server, caFile } = ingress;
      return ngrok.create({
        authtoken: AUTHTOKEN,
        server,
        caFile,
        agent: AGENTS.source,
        env: {},
        timing: TIMING,
        log,
        ...options,
      });
    },
    async open(
      openTunnel: OpenTunnel,
      target: TunnelTarget = { host: "127.0.0.1", port: 9 },
    ): Promise<Opened> {
      const recorded: Recorded[] = [];
      const waiting = new Set<() => void>();
      const record = (one: Recorded) => {
        recorded.push(one);
        for (const wake of waiting) wake();
      };
      const events: TunnelEvents = {
        up: (up) => record({ up }),
        down: (down) => record({ down }),
        failed: (failed, advice) => record({ failed, advice }),
        warn: (warning) => record({ warning }),
      };
      const giveUp = new AbortController();
      cleanups.push(() => giveUp.abort());
      const tunnel = await openTunnel(target, events, giveUp.signal);
      cleanups.push(tunnel.close);
      return {
        tunnel,
        url: tunnel.url,
        recorded,
        next(name) {
          const { length } = recorded;
          const { promise, resolve, reject } = Promise.withResolvers<never>();
          const late = setTimeout(
            () => reject(new Error(`no "${name}": ${JSON.stringify(recorded)}\n${output}`)),
            DEADLINE,
          );
          const look = () => {
            const found = recorded.slice(length).find((one) => name in one);
            if (found !== undefined) resolve(found as never);
          };
          waiting.add(look);
          return promise.finally(() => {
            clearTimeout(late);
            waiting.delete(look);
          });
        },
      };
    },
  };
}

export type Workshop = ReturnType<typeof createWorkshop>;

/** Polls until `condition` holds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + DEADLINE;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`);
    await Bun.sleep(10);
  }
}

/** The error that a person sees when the tunnel does not open. */
export async function refusalOf(
  opening: Promise<unknown>,
): Promise<{ message: string; hint: string; exitCode: number }> {
  const thrown = await opening.then(
    () => undefined,
    (refusal: { message: string; hint: string; exitCode: number }) => refusal,
  );
  if (thrown === undefined) throw new Error("it opened");
  return { message: thrown.message, hint: thrown.hint, exitCode: thrown.exitCode };
}
