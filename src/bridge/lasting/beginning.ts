// The `initialize` of a session that begins: where its process is replaced before it has answered, the next one is asked.
import type { Message } from "../../frame/message.ts";
import type { Responder } from "../bridge.ts";

export interface Beginning {
  /** What the next process is to be asked; `undefined` where none has to be. */
  readonly unanswered: Message | undefined;
  /** Where the answer goes. It is put to the next process if it only says that this one is ended. */
  follow(initialize: Message, responder: Responder): Responder;
  /** It is asked no more. */
  drop(): void;
}

export interface BeginningOptions {
  /** How often the server has been restarted so far. */
  restartCount(): number;
  isClosed(): boolean;
  /** Puts it to the next process. */
  again(initialize: Message, responder: Responder): void;
}

export function createBeginning({ restartCount, isClosed, again }: BeginningOptions): Beginning {
  let unanswered: Message | undefined;
  const drop = () => void (unanswered = undefined);
  return {
    get unanswered() {
      return unanswered;
    },
    follow(initialize, responder) {
      const restarts = restartCount();
      drop();
      return {
        ...responder,
        respond(answer, code) {
          if (code === undefined || restarts === restartCount() || isClosed())
            return responder.respond(answer, code);
          unanswered = initialize;
          again(initialize, responder);
        },
      };
    },
    drop,
  };
}
