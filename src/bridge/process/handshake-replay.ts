// What a client has arranged with its server and expects to last: its handshake, log level and subscriptions. It is replayed
// to a process that replaces one that has ended.
import { composeNotification, composeRequest } from "../../frame/compose.ts";
import { stringParam, type Message } from "../../frame/message.ts";
import { splice } from "../../frame/splice.ts";

/** Writes a request with the number it is given as its id. */
export type Compose = (number: number) => Uint8Array;

/** How many preferences are replayed; a client with more has to set them again after a restart. */
const MAX_PREFERENCES = 1_000;

export interface HandshakeReplay {
  /** The client's `initialize`, with another id; `undefined` before there was one. */
  readonly initialize: Compose | undefined;
  /** Whether the client has sent `notifications/initialized`. */
  readonly isInitialized: boolean;
  /** The log level in force; `undefined` when none was set. */
  readonly level: string | undefined;
  setLevel(level: string): void;
  /** The log level and the subscriptions in force: the requests that set them. */
  preferences(): Compose[];
  /** Remembers what a message arranges, if it arranges anything; an `initialize`, once it has been accepted. */
  remember(message: Message): void;
  forgetResource(uri: string): void;
}

/** @param own an `initialize` of ours, for clients that send none; `notifications/initialized` is known to follow it */
export function createHandshakeReplay(own?: Compose): HandshakeReplay {
  let initialize = own;
  let isInitialized = own !== undefined;
  let level: string | undefined;
  const preferences = new Map<string, Compose>();

  const prefer = (key: string, method: string, params: object) => {
    if (preferences.size < MAX_PREFERENCES)
      preferences.set(key, (number) => composeRequest(number, method, params));
  };
  const setLevel = (wanted: string | undefined) => {
    level = wanted;
    prefer("level", "logging/setLevel", { level: wanted });
  };

  return {
    get initialize() {
      return initialize;
    },
    get isInitialized() {
      return isInitialized;
    },
    get level() {
      return level;
    },
    setLevel,
    preferences: () => [...preferences.values()],
    forgetResource: (uri) => void preferences.delete(`resource ${uri}`),
    remember(message) {
      switch (message.method) {
        case "initialize":
          initialize = (number) => splice(message.bytes, [{ at: message.idAt!, text: String(number) }]);
          break;
        case "notifications/initialized":
          // One that follows a refused `initialize` must not count for the next client's.
          isInitialized = initialize !== undefined;
          break;
        case "logging/setLevel":
          setLevel(stringParam(message, "level"));
          break;
        case "resources/subscribe":
          prefer(resourceKey(message), message.method, { uri: stringParam(message, "uri") });
          break;
        case "resources/unsubscribe":
          preferences.delete(resourceKey(message));
          break;
      }
    },
  };
}

function resourceKey(message: Message): string {
  return `resource ${stringParam(message, "uri")}`;
}

/** How a new process is spoken to before anything else is sent to it. */
export interface HandshakeReplayTarget {
  request(compose: Compose): Promise<Message | undefined>;
  send(bytes: Uint8Array): boolean;
  onInitializeResult: ((answer: Message) => void) | undefined;
}

/**
 * Arranges with a new process what was arranged with the last one.
 *
 * @returns the error when the process refuses to be initialized; `gone` when it ends before it is done
 */
export async function replayHandshake(
  handshake: HandshakeReplay,
  { request, send, onInitializeResult }: HandshakeReplayTarget,
): Promise<"done" | "gone" | Message> {
  if (handshake.initialize === undefined) return "done";
  const answer = await request(handshake.initialize);
  if (answer === undefined) return "gone";
  if (answer.kind === "error") return answer;
  onInitializeResult?.(answer);
  if (handshake.isInitialized) send(composeNotification("notifications/initialized"));
  const answers = await Promise.all(handshake.preferences().map(request));
  return answers.includes(undefined) ? "gone" : "done";
}
