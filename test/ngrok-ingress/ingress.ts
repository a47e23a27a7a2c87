// A stand-in of ngrok's ingress for tests: the real agent connects to it, real HTTP comes in at the other side.
// It speaks for the agent protocol (TLS, muxado, Auth/Bind/Unbind/Proxy) and for what ngrok does to a request;
// not for ngrok's HTTP/2 front, time limits, quotas or interstitial page.
import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import {
  createAgentSession,
  type Account,
  type AgentSession,
  type AuthRequest,
  type BindRequest,
} from "./agent-session.ts";
import { createCertificates } from "./certificates.ts";
import { servePublic, type OpenProxy } from "./public-side.ts";

export interface IngressOptions {
  /**
   * Refuses every authtoken with this code: `ERR_NGROK_105` (malformed), `ERR_NGROK_107` (revoked) or another.
   * The text repeats the authtoken, as ngrok's does. An empty one is always refused (4018).
   */
  refuseAuthtoken?: `ERR_NGROK_${number}` | undefined;
  /** The account's domains; the first is the one it was given. Default: `stand-in.ngrok-free.dev`. */
  domains?: readonly [string, ...string[]];
  /** What Bind answers. Default: the public side's own address, so that a client can fetch what is printed. */
  urlOf?(domain: string): string;
  /** How the agent learns that a client went away. Default: `fin`. */
  howToAbort?: "fin" | "rst";
}

/** An endpoint that is online. */
export interface Bind {
  id: string;
  domain: string;
  url: string;
  session: AgentSession;
  /** What the agent asked for. */
  request: BindRequest;
}

export interface Ingress {
  /** Where agents connect: `127.0.0.1:PORT`. */
  server: string;
  /** A PEM file with the root that vouches for `server`. */
  caFile: string;
  /** Where clients connect: `http://127.0.0.1:PORT`. */
  publicUrl: string;
  /** The agents that are connected now. */
  sessions: readonly AgentSession[];
  /** The endpoints that are online now. */
  binds: readonly Bind[];
  /** The domains that agents have given back of their own accord. */
  unbound: readonly string[];
  /** How many connections agents have made, told or not who they are. */
  connectionCount(): number;
  /** From now on refuses every authtoken with this code. */
  revokeAuthtoken(code: `ERR_NGROK_${number}`): void;
  /** Somebody else's agent serves this domain, until it is released. */
  occupy(domain: string): void;
  release(domain: string): void;
  /**
   * The way to ngrok is gone: connections are cut, new ones get no answer. `refused`: the port is closed;
   * `silent`: it takes connections and never says a word of TLS.
   */
  cutOff(how: "refused" | "silent"): Promise<void>;
  /** And back again, on the same port. */
  restore(): Promise<void>;
  close(): Promise<void>;
}

/** Starts an ingress on two loopback ports that the system chooses. */
export async function startIngress(options: IngressOptions = {}): Promise<Ingress> {
  const folder = await mkdtemp(join(tmpdir(), "ngrok-ingress-"));
  const caFile = join(folder, "ca.pem");
  const { ca, cert, key } = createCertificates();
  await writeFile(caFile, ca);

  const sockets = new Set<Socket>();
  const agents = new Set<Socket>();
  const sessions: AgentSession[] = [];
  const binds: Bind[] = [];
  let connections = 0;

  const publicSide = createTcpServer((socket) => {
    track(socket, sockets);
    servePublic(socket, openProxy, options.howToAbort ?? "fin");
  });
  const publicUrl = `http://${await listen(publicSide)}`;
  const occupied = new Set<string>();
  const refusal = { code: options.refuseAuthtoken };
  const unbound: string[] = [];
  const account = createAccount(options, publicUrl, { binds, occupied, refusal, unbound });
  const openProxy: OpenProxy = (host, clientAddress) => {
    const bind = binds.find(({ domain, url }) => domain === host || new URL(url).host === host);
    return bind?.session.openProxy(bind.id, clientAddress);
  };

  const agentSide = createTlsServer({ cert, key }, (socket) => {
    track(socket, sockets);
    track(socket, agents);
    socket.on("error", () => {});
    const session = createAgentSession(socket, account);
    sessions.push(session);
    socket.on("close", () => {
      removeAll(sessions, (each) => each === session);
      removeAll(binds, (bind) => bind.session === session);
    });
  });
  agentSide.on("connection", () => connections++);
  agentSide.on("tlsClientError", () => {});
  const silentSide = createTcpServer((socket) => {
    connections++;
    socket.on("error", () => {});
    track(socket, agents);
  });
  const server = await listen(agentSide);
  const port = Number(server.split(":")[1]);
  const stopAgents = async () => {
    const closed = [agentSide, silentSide].filter(({ listening }) => listening).map(close);
    for (const socket of agents) socket.destroy();
    await Promise.all(closed);
  };

  return {
    server,
    caFile,
    publicUrl,
    sessions,
    binds,
    unbound,
    connectionCount: () => connections,
    revokeAuthtoken: (code) => void (refusal.code = code),
    occupy: (domain) => void occupied.add(domain),
    release: (domain) => void occupied.delete(domain),
    async cutOff(how) {
      await stopAgents();
      if (how === "silent") await listen(silentSide, port);
    },
    async restore() {
      await stopAgents();
      await listen(agentSide, port);
    },
    async close() {
      const closed = [stopAgents(), close(publicSide)];
      for (const socket of sockets) socket.destroy();
      await Promise.all(closed);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Registry {
  binds: Bind[];
  occupied: ReadonlySet<string>;
  unbound: string[];
  refusal: { code: IngressOptions["refuseAuthtoken"] };
}

function createAccount(
  options: IngressOptions,
  publicUrl: string,
  { binds, occupied, refusal, unbound }: Registry,
): Account {
  const domains = options.domains ?? ["stand-in.ngrok-free.dev"];
  const urlOf = options.urlOf ?? (() => publicUrl);
  return {
    authenticate({ ClientId, Extra }: AuthRequest) {
      if (Extra.AuthToken === "")
        return failure("ERR_NGROK_4018", "Usage of ngrok requires a verified account.");
      const { code } = refusal;
      if (code) return failure(code, `Authentication failed.\nYour authtoken: ${Extra.AuthToken}`);
      return { clientId: ClientId || randomUUID(), cookie: Extra.Cookie || randomUUID() };
    },
    bind(session, request) {
      const domain = request.Opts.Domain || request.Opts.Hostname || domains[0];
      if (!domains.includes(domain))
        return failure("ERR_NGROK_320", `The domain '${domain}' is reserved for another account.`);
      const online = binds.find((bind) => bind.domain === domain);
      if (occupied.has(domain) || (online && online.id !== request.Id))
        return failure("ERR_NGROK_334", `The endpoint '${domain}' is already online.`);
      removeAll(binds, (bind) => bind === online);
      const bind: Bind = { id: request.Id || randomUUID(), domain, url: urlOf(domain), session, request };
      binds.push(bind);
      return { id: bind.id, token: request.Extra.Token || randomUUID(), url: bind.url, domain };
    },
    unbind(id) {
      unbound.push(...binds.filter((bind) => bind.id === id).map(({ domain }) => domain));
      removeAll(binds, (bind) => bind.id === id);
    },
  };
}

/** ngrok's way of putting it: the text, then the code on a line of its own. */
const failure = (code: string, text: string) => `${text}\n\n${code}\n`;

/** In place: the lists are handed out. */
function removeAll<T>(list: T[], matches: (item: T) => boolean): void {
  for (let index = list.length - 1; index >= 0; index--) if (matches(list[index] as T)) list.splice(index, 1);
}

function track(socket: Socket, sockets: Set<Socket>): void {
  sockets.add(socket);
  socket.on("close", () => sockets.delete(socket));
}

/** Milliseconds for a port to become free again. */
const DEADLINE = 10_000;

/**
 * On a port of our own choosing it may have to wait: who knocks at a port of loopback that nobody listens on can be
 * given the same port to knock from, and then holds it for a moment, connected to itself (RFC 9293 §3.5).
 */
async function listen(server: Server, port = 0): Promise<string> {
  const end = performance.now() + DEADLINE;
  while (!(await tryListening(server, port))) {
    if (port === 0 || performance.now() > end) throw new Error(`port ${port} is not to be had`);
    await Bun.sleep(10);
  }
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function tryListening(server: Server, port: number): Promise<boolean> {
  return new Promise((done) => {
    const fail = () => done(false);
    server.once("error", fail);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", fail);
      done(true);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((done) => server.close(() => done()));
}
