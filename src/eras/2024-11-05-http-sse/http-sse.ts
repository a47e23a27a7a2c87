// HTTP+SSE, revision 2024-11-05: one event stream for everything the server says, POSTs for the rest.
// https://modelcontextprotocol.io/specification/2024-11-05/basic/transports#http-with-sse
// The stream is the session: when it ends, the session does.
import type { Bridge, Conversation, Outlet } from "../../bridge/bridge.ts";
import { ErrorCode } from "../../frame/compose.ts";
import type { Body } from "../body.ts";
import type { Caller } from "../era.ts";
import type { EventStreams } from "../event-stream.ts";
import { refuse, refuseBusy, refuseSession } from "../refusal.ts";
import type { Session, Sessions } from "../sessions.ts";

export interface SseSession extends Session {
  readonly conversation: Conversation;
  readonly outlet: Outlet;
}

export interface HttpSse {
  /** `GET /sse` */
  get(caller: Caller): Response;
  /** `POST /messages?sessionId=`; the answers come on the stream. */
  post(request: Request, body: Body, caller: Caller): Response;
}

export interface HttpSseOptions {
  bridge: Bridge;
  sessions: Sessions<SseSession>;
  streams: EventStreams;
  /** Where the client shall post: `/messages`. */
  messagesPath: string;
}

export function createHttpSse({ bridge, sessions, streams, messagesPath }: HttpSseOptions): HttpSse {
  return {
    get(caller) {
      const id = sessions.newId();
      const conversation = bridge.open({
        loose: (message) => stream.send(message),
        closed: () => stream.end(),
      });
      if (conversation === undefined) return refuseBusy();
      const stream = streams.open(caller, () => {
        sessions.remove(session);
        void conversation.close();
      });
      const session: SseSession = {
        id,
        principal: caller.principal,
        conversation,
        outlet: { precede: stream.send, finish: stream.send, drop: () => {} },
        isBusy: () => true,
        close: () => stream.end(),
      };
      sessions.add(session);
      stream.sendEvent("endpoint", `${messagesPath}?sessionId=${id}`);
      return stream.response;
    },
    post(request, { messages }, caller) {
      const id = new URL(request.url).searchParams.get("sessionId");
      if (id === null)
        return refuse(400, ErrorCode.refused, "Bad request: the sessionId parameter is missing.");
      const session = sessions.find(id, caller);
      if (session === undefined) return refuseSession();
      for (const message of messages) {
        if (message.kind === "request") session.conversation.call(message, session.outlet);
        else session.conversation.tell(message);
      }
      return new Response("Accepted", { status: 202 });
    },
  };
}
