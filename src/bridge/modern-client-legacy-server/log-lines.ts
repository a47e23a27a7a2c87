// The log lines of a server that has one level for all its clients, and does not say which call a line belongs to.
import { composeRequest } from "../../frame/compose.ts";
import type { Message } from "../../frame/message.ts";
import { leastSevere } from "../../mcp/log-level.ts";
import { isLogged } from "../log-level.ts";
import type { HandshakeReplay } from "../process/handshake-replay.ts";
import { createKeptMessages, type KeptMessages } from "../process/kept-messages.ts";
import type { Multiplexer } from "../process/multiplexer.ts";
import type { RoundWaiter } from "./multi-round-call.ts";

export interface LogLines {
  /** A `notifications/message` of the server's: goes to the newest call that wants log lines. */
  receive(message: Message): void;
  /** Sets the server's level to the one a call wants, where that is less severe. */
  request(level: string | undefined): void;
  /** A call has been made: what the server logged before the first one may be for it. */
  flush(): void;
}

export function createLogLines(
  multiplexer: Pick<Multiplexer<RoundWaiter>, "calls" | "request">,
  handshake: HandshakeReplay,
): LogLines {
  let early: KeptMessages<Message> | undefined = createKeptMessages(({ bytes }) => bytes.length);

  function receive(message: Message): void {
    if (early !== undefined) return early.add(message);
    const rounds = [...multiplexer.calls.all()].map(({ waiter }) => waiter.call.current);
    const wanting = rounds.findLast((round) => round?.envelope.logLevel !== undefined);
    if (wanting !== undefined && isLogged(message, wanting.envelope.logLevel))
      wanting.responder.notify(message.bytes, true);
  }

  return {
    receive,
    request(level) {
      if (level === undefined || leastSevere([level, handshake.level]) === handshake.level) return;
      handshake.setLevel(level);
      void multiplexer.request((number) => composeRequest(number, "logging/setLevel", { level }));
    },
    flush() {
      if (early === undefined) return;
      const lines = early.drain();
      early = undefined;
      lines.forEach(receive);
    },
  };
}
