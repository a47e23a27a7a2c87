// What an agent asks of ngrok over its session: authenticate, bind, unbind, and heartbeats in between.
// Every stream begins with its type; an RPC is one JSON object each way, without a length.
import type { TLSSocket } from "node:tls";
import { encodeNumbers, ErrorCode, FrameType, INITIAL_WINDOW } from "./muxado-frame.ts";
import { createMuxSession, type MuxSession, type MuxStream } from "./muxado-session.ts";

const StreamType = {
  AUTH: 0,
  BIND: 1,
  UNBIND: 2,
  PROXY: 3,
  STOP: 5,
  STOP_TUNNEL: 9,
  HEARTBEAT: 0xffffffff,
} as const;

export interface AuthRequest {
  ClientId: string;
  Extra: { AuthToken: string; Hostname: string; UserAgent: string; Cookie: string; Metadata: string };
}

export interface BindRequest {
  Id: string;
  Proto: string;
  ForwardsTo: string;
  Opts: Record<string, unknown> & { Domain: string; Hostname: string };
  Extra: { Token: string; Metadata: string };
}

/** The decisions of the account behind the ingress. A text instead of an answer is the error an agent is sent. */
export interface Account {
  authenticate(request: AuthRequest): { clientId: string; cookie: string } | string;
  bind(
    session: AgentSession,
    request: BindRequest,
  ): { id: string; token: string; url: string; domain: string } | string;
  unbind(id: string): void;
}

export interface AgentSession {
  /** What the agent said about itself; absent until it has. */
  auth?: AuthRequest;
  mux: MuxSession;
  /** A stream that leads to whatever the agent forwards `bindId` to. */
  openProxy(bindId: string, clientAddress: string): MuxStream;
  /** Cuts the connection. */
  drop(): void;
  /** Announces the end of the session and closes it, as a restarting edge does. */
  goaway(): void;
  /** Goes silent without closing: a dead network, as far as the agent can tell. */
  mute(): void;
  /** What the dashboard's button does: asks the whole agent to stop. */
  stop(): void;
  /** Sends more on one stream than the agent has granted. */
  violateWindow(bindId: string): void;
  /** Tells the agent that its endpoint has been taken away. */
  stopTunnel(bindId: string, message: string, code: string): void;
}

export function createAgentSession(connection: TLSSocket, account: Account): AgentSession {
  const answer = (type: number, request: unknown): object => {
    switch (type) {
      case StreamType.AUTH:
        session.auth = request as AuthRequest;
        return answerAuth(account.authenticate(session.auth));
      case StreamType.BIND:
        return answerBind(request as BindRequest, account.bind(session, request as BindRequest));
      case StreamType.UNBIND:
        account.unbind((request as { Id: string }).Id);
        return {};
      default:
        return { Error: `The stand-in has no stream type ${type}.` };
    }
  };
  const mux = createMuxSession(connection, (stream) => serveStream(stream, answer));
  const openTyped = (type: number, ...content: Uint8Array[]) => {
    const stream = mux.open();
    stream.bytes.write(Buffer.concat([encodeNumbers(type), ...content]));
    return stream;
  };

  const session: AgentSession = {
    mux,
    openProxy(bindId, clientAddress) {
      const header = {
        Id: bindId,
        ClientAddr: clientAddress,
        Proto: "https",
        EdgeType: "0",
        PassthroughTLS: false,
      };
      const json = Buffer.from(JSON.stringify(header));
      const length = Buffer.alloc(8);
      length.writeBigInt64LE(BigInt(json.length));
      return openTyped(StreamType.PROXY, length, json);
    },
    drop: () => void connection.destroy(),
    goaway() {
      mux.sendFrame(FrameType.GOAWAY, 0, encodeNumbers(0, ErrorCode.NONE));
      connection.destroySoon();
    },
    mute: mux.mute,
    stop: () => void openTyped(StreamType.STOP, Buffer.from("{}")),
    violateWindow(bindId) {
      const stream = session.openProxy(bindId, "127.0.0.1:1");
      stream.bytes.on("error", () => {}).resume();
      mux.sendFrame(FrameType.DATA, stream.id, Buffer.alloc(2 * INITIAL_WINDOW));
    },
    stopTunnel(bindId, message, code) {
      const json = JSON.stringify({ Id: bindId, Message: message, ErrorCode: code });
      openTyped(StreamType.STOP_TUNNEL, Buffer.from(json)).bytes.end();
    },
  };
  return session;
}

function answerAuth(outcome: ReturnType<Account["authenticate"]>): object {
  if (typeof outcome === "string") return { Error: outcome };
  const { clientId, cookie } = outcome;
  return {
    Version: "2",
    ClientId: clientId,
    Extra: { Version: "prod", Region: "us", Cookie: cookie, PlanName: "Free" },
  };
}

function answerBind(request: BindRequest, outcome: ReturnType<Account["bind"]>): object {
  if (typeof outcome === "string") return { Error: outcome };
  const { id, token, url, domain } = outcome;
  const options = { ...request.Opts, Hostname: domain };
  return { Id: id, URL: url, Proto: request.Proto, Opts: options, Extra: { Token: token } };
}

function serveStream({ bytes }: MuxStream, answer: (type: number, request: unknown) => object): void {
  let seen = Buffer.alloc(0);
  let type: number | undefined;
  bytes.on("error", () => {});
  bytes.on("data", (chunk: Buffer) => {
    seen = Buffer.concat([seen, chunk]);
    if (type === undefined) {
      if (seen.length < 4) return;
      type = seen.readUInt32BE(0);
      seen = seen.subarray(4);
    }
    if (type === StreamType.HEARTBEAT) {
      bytes.write(seen);
      seen = Buffer.alloc(0);
      return;
    }
    const request = parseWhole(seen);
    if (request !== undefined) bytes.end(JSON.stringify(answer(type, request)));
  });
}

/** The object in `bytes`, or nothing while some of it is still on its way. */
function parseWhole(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
