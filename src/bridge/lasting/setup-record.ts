// What the client of a session arranges with its server, recorded as its server accepts it.
import { stringParam, type Message } from "../../frame/message.ts";
import type { Responder, SessionSetup } from "../bridge.ts";

export interface SetupRecord {
  /** `undefined` before the server has accepted an `initialize`. */
  readonly current: SessionSetup | undefined;
  /** Where the answer to a request goes, recorded on the way if it arranges something; to be called for these methods only. */
  follow(request: Message, responder: Responder): Responder;
  /** The client has sent `notifications/initialized`. */
  initialized(): void;
}

/** The requests that arrange something. */
export const ARRANGES: ReadonlySet<string> = new Set([
  "initialize",
  "logging/setLevel",
  "resources/subscribe",
  "resources/unsubscribe",
]);
/** URIs that are kept of one session, and bytes of all of them together; of more, the first are kept. */
const MOST_RESOURCES = 1_000;
const MOST_URI_BYTES = 64 * 1024;

/** @param changed called with each change */
export function createSetupRecord(
  known: SessionSetup | undefined,
  changed: ((setup: SessionSetup) => void) | undefined,
): SetupRecord {
  let current = known;

  const change = (part: Partial<SessionSetup>) => {
    if (current === undefined) return;
    current = { ...current, ...part };
    changed?.(current);
  };

  function accept(request: Message): void {
    const uri = stringParam(request, "uri") ?? "";
    switch (request.method) {
      case "initialize":
        current = { isInitialized: false, logLevel: undefined, resources: new Set(), initialize: request };
        return changed?.(current);
      case "logging/setLevel":
        return change({ logLevel: stringParam(request, "level") });
      case "resources/subscribe":
        if (current === undefined || !hasRoom(current.resources, uri)) return;
        return change({ resources: new Set([...current.resources, uri]) });
      case "resources/unsubscribe":
        return change({ resources: new Set(current?.resources).difference(new Set([uri])) });
    }
  }

  return {
    get current() {
      return current;
    },
    follow: (request, responder) => ({
      ...responder,
      respond(answer, code) {
        if (code === undefined) accept(request);
        responder.respond(answer, code);
      },
    }),
    initialized: () => change({ isInitialized: true }),
  };
}

function hasRoom(resources: ReadonlySet<string>, uri: string): boolean {
  if (resources.size >= MOST_RESOURCES) return false;
  let bytes = Buffer.byteLength(uri);
  for (const known of resources) bytes += Buffer.byteLength(known);
  return bytes <= MOST_URI_BYTES;
}
