// A kind of tunnel that src does not know, to show that one can be added from outside. It forwards TCP from a port on
// loopback, and moves to another URL, breaks or fails when a test says so.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { UserError } from "../../src/errors.ts";
import {
  type Attempt,
  type AttemptEvents,
  type AttemptFailure,
  supervise,
} from "../../src/tunnel/supervisor.ts";
import type {
  TunnelCapabilities,
  TunnelConnection,
  TunnelProvider,
  TunnelTarget,
} from "../../src/tunnel/tunnel.ts";

export interface FixtureTunnel {
  provider: TunnelProvider;
  /** Resolves with the first URL when it leads to the program. */
  opened: Promise<string>;
  /** Assigns another URL; the old one no longer answers. */
  move(): Promise<string>;
  /** Ends the tunnel for good. */
  fail(): void;
  /** Whether its latest URL still takes connections. */
  isOpen(): boolean;
}

export interface FixtureTunnelOptions {
  capabilities?: Partial<TunnelCapabilities>;
  /** The tunnel does not open. */
  refuses?: boolean;
}

export const CAVEAT = "This tunnel leads no further than this machine.";

/** Why it fails: trying again does not help. */
const FAILURE: AttemptFailure = {
  error: new UserError("The fixture tunnel was switched off.", "Switch it on again.", 1),
  outlook: "permanent",
};

export function createFixtureTunnel({ capabilities, refuses }: FixtureTunnelOptions = {}): FixtureTunnel {
  const opened = Promise.withResolvers<string>();
  let current: RunningAttempt | undefined;
  return {
    opened: opened.promise,
    provider: {
      capabilities: {
        stableUrl: false,
        streamsGet: true,
        account: false,
        takesSocket: true,
        caveat: CAVEAT,
        ...capabilities,
      },
      create: ({ timing }) =>
        supervise(
          {
            name: "fixture",
            begin(target, events) {
              current = beginFixture(target, events, refuses ?? false);
              void current.opened.then((outcome) => "url" in outcome && opened.resolve(outcome.url));
              return current;
            },
          },
          timing,
        ),
    },
    move: () => current!.move(),
    fail: () => current!.fail(),
    isOpen: () => current?.isOpen() ?? false,
  };
}

interface RunningAttempt extends Attempt {
  move(): Promise<string>;
  fail(): void;
  isOpen(): boolean;
}

function beginFixture(target: TunnelTarget, events: AttemptEvents, refuses: boolean): RunningAttempt {
  const ended = Promise.withResolvers<AttemptFailure>();
  let forwarder: Forwarder | undefined;
  const open = async (): Promise<TunnelConnection> => {
    const opening = await startForwarder(target);
    forwarder?.stop();
    forwarder = opening;
    return { url: opening.url };
  };
  const kill = () => {
    forwarder?.stop();
    forwarder = undefined;
  };
  return {
    opened: refuses ? Promise.resolve(FAILURE) : open(),
    ended: ended.promise,
    kill,
    close: async () => kill(),
    async move() {
      const connection = await open();
      events.resumed(connection);
      return connection.url;
    },
    fail: () => ended.resolve(FAILURE),
    isOpen: () => forwarder !== undefined,
  };
}

interface Forwarder {
  url: string;
  /** Cuts what is open. */
  stop(): void;
}

async function startForwarder({ host, port, socket }: TunnelTarget): Promise<Forwarder> {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = socket === undefined ? connect(port, host) : connect(socket);
    for (const [side, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(side);
      side.on("error", () => {});
      side.on("close", () => {
        open.delete(side);
        other.destroy();
      });
      side.pipe(other);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: own } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${own}`,
    stop() {
      server.close();
      for (const side of open) side.destroy();
    },
  };
}
