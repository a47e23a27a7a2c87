// The bridge's own requests: to find out what a server is, and whether it is alive. They are the first requests of both
// revisions and a ping, and nothing else: a server may end at what it does not know before `initialize`.
import { composeRequest } from "../../frame/compose.ts";
import { NAME, VERSION } from "../../version.ts";
import { META } from "../../mcp/meta.ts";
import { LEGACY, MODERN } from "../../mcp/revisions.ts";
import type { Compose } from "./handshake-replay.ts";

/** How the bridge introduces itself where it does not speak for a client. */
export const OWN_CLIENT_INFO = { name: NAME, version: VERSION };
const ENVELOPE = {
  _meta: { [META.version]: MODERN, [META.clientInfo]: OWN_CLIENT_INFO, [META.capabilities]: {} },
};

/** Writes an `initialize` of ours, for the revisions with sessions. */
export function createInitialize(capabilities: object, clientInfo: unknown = OWN_CLIENT_INFO): Compose {
  return (number) =>
    composeRequest(number, "initialize", { protocolVersion: LEGACY, capabilities, clientInfo });
}

/** A process that has been sent this is of no use to a client. */
export const composeInitialize = createInitialize({});

/** Servers without sessions answer this; most others refuse it and stay as they were. */
export const composeDiscover: Compose = (number) => composeRequest(number, "server/discover", ENVELOPE);

/** For a server that is initialized. */
export const composePing: Compose = (number) => composeRequest(number, "ping");
