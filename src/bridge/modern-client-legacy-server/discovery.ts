// Answers `server/discover` from what a server with a handshake has said in its result of `initialize`.
// https://modelcontextprotocol.io/specification/2026-07-28/server/discover
import { composeError, composeResult } from "../../frame/compose.ts";
import { findMember, spanText, type Message } from "../../frame/message.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import { META } from "../../mcp/meta.ts";
import { STATELESS_REVISIONS } from "../../mcp/revisions.ts";
import type { Responder } from "../bridge.ts";
import { parseSpan } from "../envelope.ts";
import { OWN_CLIENT_INFO } from "../process/own-requests.ts";

export interface Discovery {
  /** Requests that wait until the server has answered. */
  readonly pending: number;
  /** Whether the process has ended before it has ever answered: it may be asleep. */
  readonly isLost: boolean;
  /** The process has ended. */
  lost(): void;
  /** Resolves with what the server can do when it has answered, and with nothing when it has refused. */
  capabilities(): Promise<ServerCapabilities>;
  /** JSON text of what the server calls itself. */
  serverInfo(): string;
  answer(id: string, responder: Responder): Promise<void>;
  /** The server has answered `initialize`. */
  settle(answer: Message): void;
  /** The server has refused it. */
  refuse(reason: string): void;
  /** Fails the requests that wait. */
  close(reason: string): void;
}

export type ServerCapabilities = Readonly<Record<string, unknown>>;

/** A result of `initialize`, as far as it is understood here. */
interface InitializeResult {
  capabilities?: ServerCapabilities;
  instructions?: unknown;
}

export function createDiscovery(): Discovery {
  const first = Promise.withResolvers<InitializeResult>();
  /** Of the process that runs now, once there was one. */
  let initialized = first.promise;
  let isSettled = false;
  let isLost = false;
  const waiting = new Set<{ id: string; responder: Responder }>();
  let serverInfo = JSON.stringify(OWN_CLIENT_INFO);

  function conclude(result: InitializeResult): void {
    first.resolve(result);
    // A process that replaces another one may have become another server.
    if (isSettled) initialized = Promise.resolve(result);
    isSettled = true;
    isLost = false;
  }

  function close(reason: string): void {
    for (const { id, responder } of waiting)
      responder.respond(composeError(id, ErrorCode.internal, reason), ErrorCode.internal);
    waiting.clear();
  }

  return {
    get pending() {
      return waiting.size;
    },
    get isLost() {
      return isLost;
    },
    lost: () => void (isLost = !isSettled),
    capabilities: async () => (await initialized).capabilities ?? {},
    serverInfo: () => serverInfo,
    async answer(id, responder) {
      const request = { id, responder };
      waiting.add(request);
      const result = toDiscoverResult(await initialized, serverInfo);
      if (waiting.delete(request)) responder.respond(composeResult(id, result));
    },
    settle(answer) {
      serverInfo = spanText(answer.bytes, findMember(answer, answer.resultAt, "serverInfo")) ?? serverInfo;
      conclude(parseSpan(answer, answer.resultAt) ?? {});
    },
    refuse(reason) {
      close(reason);
      conclude({});
    },
    close,
  };
}

function toDiscoverResult({ capabilities = {}, instructions }: InitializeResult, serverInfo: string) {
  // Tasks of 2025-11-25 are not those of 2026-07-28.
  const { tasks: _, ...known } = capabilities;
  return {
    resultType: "complete",
    supportedVersions: STATELESS_REVISIONS,
    capabilities: known,
    ...(instructions !== undefined && { instructions }),
    ttlMs: 0,
    cacheScope: "private",
    _meta: { [META.serverInfo]: JSON.parse(serverInfo) as unknown },
  };
}
