// How the bridge addresses a server for itself: what it asks to learn what the server is, and whether it lives.
// Both revisions' first requests, and nothing else: a server may end at what it does not know before it is greeted.
import { composeRequest } from "../../frame/compose.ts";
import { NAME, VERSION } from "../../version.ts";
import { META } from "../../mcp/meta.ts";
import { LEGACY, MODERN } from "../../mcp/revisions.ts";
import type { Compose } from "./handshake-replay.ts";

/** Who we are, where nobody else is spoken for. */
export const OWN_CLIENT_INFO = { name: NAME, version: VERSION };
const ENVELOPE = {
  _meta: { [META.version]: MODERN, [META.clientInfo]: OWN_CLIENT_INFO, [META.capabilities]: {} },
};

/** A handshake of our making, of the revisions with sessions. */
export function createInitialize(capabilities: object, clientInfo: unknown = OWN_CLIENT_INFO): Compose {
  return (number) =>
    composeRequest(number, "initialize", { protocolVersion: LEGACY, capabilities, clientInfo });
}

/** A process so greeted is of no use to another client. */
export const composeInitialize = createInitialize({});

/** What servers without sessions answer, and most others refuse and stay as they were. */
export const composeDiscover: Compose = (number) => composeRequest(number, "server/discover", ENVELOPE);

/** A sign of life, for a server that has been greeted. */
export const composePing: Compose = (number) => composeRequest(number, "ping");
