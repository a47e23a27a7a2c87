// Drives the @ngrok/ngrok addon: one session with one HTTP endpoint whose traffic goes to our listener.
// The only file that uses the addon; it writes nothing for people. It runs in a process of its own (agent.ts).
// A callback must not throw: the addon would abort the whole process.
import { settlesWithin, within } from "../../deadline.ts";
import { messageOf } from "../../errors.ts";
import { NAME, VERSION } from "../../version.ts";

type Addon = typeof import("@ngrok/ngrok");

export interface SessionSettings {
  authtoken: string;
  domain?: string;
  /** Another ingress than ngrok's: `host:port`. */
  server?: string;
  /** The root that vouches for `server`, PEM. */
  ca?: string;
  /** A traffic policy, YAML or JSON, which ngrok applies before it forwards a request. */
  policy?: string;
  /** The destination of the traffic, such as `http://127.0.0.1:8787` or `unix:/tmp/x/tunnel.sock`. ngrok shows it in its dashboard. */
  forwardTo: string;
  /** How long each step may take: milliseconds. */
  timeout: number;
  heartbeat: Heartbeat;
}

/** Whole seconds. */
export interface Heartbeat {
  interval: number;
  /** How long an answer may take before it counts as missing. */
  tolerance: number;
}

export interface SessionEvents {
  /**
   * ngrok answered a heartbeat after `latency` milliseconds, or did not answer (`null`). The first one comes once there is a
   * connection, before the endpoint is bound.
   */
  heartbeat(latency: number | null): void;
  /** The connection broke; the addon tries again after 0 s, 50 ms, 2.5 s, 125 s and ever longer pauses. */
  disconnected(reason: string): void;
  /** Nothing is forwarded any more, and the addon will not try again. */
  ended(reason: string): void;
  /** Somebody pressed Stop in ngrok's dashboard. */
  stopped(): void;
}

export interface NgrokEndpoint {
  url: string;
  /** Releases the URL. Never rejects. The addon keeps its connection until the process exits. */
  close(): Promise<void>;
}

/** A step that did not succeed, in the addon's words, which may contain the authtoken. */
export class SessionError extends Error {
  override readonly name = "SessionError";

  constructor(
    readonly step: "load" | "connect" | "listen",
    readonly timedOut: boolean,
    message: string,
  ) {
    super(message);
  }
}

const CLOSE_TIMEOUT = 2_000;

/** @throws {SessionError} */
export async function openEndpoint(settings: SessionSettings, events: SessionEvents): Promise<NgrokEndpoint> {
  const { timeout, forwardTo, domain, policy } = settings;
  const addon = await runStep("load", timeout, () => import("@ngrok/ngrok"));
  const session = await runStep("connect", timeout, () => buildSession(addon, settings, events).connect());
  const endpoint = session.httpEndpoint();
  if (domain !== undefined) endpoint.domain(domain);
  if (policy !== undefined) endpoint.trafficPolicy(policy);
  try {
    const listener = await runStep("listen", timeout, () => endpoint.listenAndForward(forwardTo));
    const url = listener.url();
    if (url === null) throw new SessionError("listen", false, "ngrok did not assign a URL");
    listener.join().then(
      () => events.ended("the endpoint was closed"),
      (thrown) => events.ended(messageOf(thrown)),
    );
    return {
      url,
      async close() {
        await settlesWithin(listener.close(), CLOSE_TIMEOUT);
        await settlesWithin(session.close(), CLOSE_TIMEOUT);
      },
    };
  } catch (thrown) {
    await settlesWithin(session.close(), CLOSE_TIMEOUT);
    throw thrown;
  }
}

function buildSession(addon: Addon, settings: SessionSettings, events: SessionEvents) {
  const { authtoken, server, ca, heartbeat } = settings;
  const builder = new addon.SessionBuilder()
    .authtoken(authtoken)
    .clientInfo(NAME, VERSION)
    .heartbeatInterval(heartbeat.interval)
    .heartbeatTolerance(heartbeat.tolerance)
    .handleHeartbeat((latency: number | null) => rethrowLater(() => events.heartbeat(latency)))
    .handleStopCommand(() => rethrowLater(() => events.stopped()))
    .handleDisconnection((_address, reason) => {
      rethrowLater(() => events.disconnected(reason));
      // Anything but true makes the addon give up and write a line to our stdout.
      return true;
    });
  if (server !== undefined) builder.serverAddr(server);
  if (ca !== undefined) builder.caCert(Buffer.from(ca));
  return builder;
}

/** The error comes back as an ordinary uncaught exception, outside of the addon's call. */
function rethrowLater(callback: () => void): void {
  try {
    callback();
  } catch (thrown) {
    queueMicrotask(() => {
      throw thrown;
    });
  }
}

async function runStep<T>(step: SessionError["step"], timeout: number, begin: () => Promise<T>): Promise<T> {
  const giveUp = () => {
    throw new SessionError(step, true, `no answer within ${timeout / 1000} s`);
  };
  try {
    return await within(timeout, begin(), giveUp);
  } catch (thrown) {
    throw thrown instanceof SessionError ? thrown : new SessionError(step, false, messageOf(thrown));
  }
}
