// What a client has arranged with its server and expects to hold: told again to a restarted one.
import { composeRequest } from "../../frame/compose.ts";
import { stringParam, type Message } from "../../frame/message.ts";
import { splice } from "../../frame/splice.ts";

/** Writes a request with the number it is given as its id. */
export type Compose = (number: number) => Uint8Array;

/** What is told again at the most; a client with more has to ask anew after a restart. */
const MAX_WISHES = 1_000;

export interface HandshakeReplay {
  /** The client's `initialize`, with another id; `undefined` before there was one. */
  readonly initialize: Compose | undefined;
  /** Whether the client has sent `notifications/initialized`. */
  readonly isInitialized: boolean;
  /** The log level in force; `undefined` when none was asked for. */
  readonly level: string | undefined;
  setLevel(level: string): void;
  /** The log level and the subscriptions in force, each to be asked for with an id of its own. */
  preferences(): Compose[];
  /** Remembers what a message arranges, if it arranges anything; an `initialize`, once it has been accepted. */
  remember(message: Message): void;
  forgetResource(uri: string): void;
}

/** @param own a greeting of ours, for clients that have none; it is known to be followed by `notifications/initialized` */
export function createHandshakeReplay(own?: Compose): HandshakeReplay {
  let greeting = own;
  let greeted = own !== undefined;
  const wishes = new Map<string, Compose>();

  let level: string | undefined;
  const setLevel = (wanted: string | undefined) => {
    level = wanted;
    wish("level", "logging/setLevel", { level: wanted });
  };
  const wish = (key: string, method: string, params: object) => {
    if (wishes.size < MAX_WISHES) wishes.set(key, (number) => composeRequest(number, method, params));
  };

  return {
    get initialize() {
      return greeting;
    },
    get isInitialized() {
      return greeted;
    },
    get level() {
      return level;
    },
    setLevel,
    preferences: () => [...wishes.values()],
    forgetResource: (uri) => void wishes.delete(`resource ${uri}`),
    remember(message) {
      switch (message.method) {
        case "initialize":
          greeting = (number) => splice(message.bytes, [{ at: message.idAt!, text: String(number) }]);
          break;
        case "notifications/initialized":
          // Of a client that was refused it must not stand for the next one's.
          greeted = greeting !== undefined;
          break;
        case "logging/setLevel":
          setLevel(stringParam(message, "level"));
          break;
        case "resources/subscribe":
          wish(`resource ${stringParam(message, "uri")}`, message.method, {
            uri: stringParam(message, "uri"),
          });
          break;
        case "resources/unsubscribe":
          wishes.delete(`resource ${stringParam(message, "uri")}`);
          break;
      }
    },
  };
}
