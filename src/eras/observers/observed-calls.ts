// Brings calls to their observers, for every dialect in one place. Without an observer nothing is wrapped.
import { stringParam, type Message } from "../../frame/message.ts";
import { namingParam } from "../../mcp/methods.ts";
import type { Arrival, CallInfo, CallObserver } from "./call-observer.ts";
import type { Dialect } from "../classify.ts";
import { createDelivery } from "./delivery.ts";
import { createObservedCall, type PostCalls, type Watch } from "./observed-call.ts";

export interface Calls {
  received(arrival: Arrival): void;
  open(arrival: Arrival, dialect: Dialect | undefined): PostCalls;
  /** Undefined when no observer wants to know. */
  readonly streams: ((request: Request) => (bytes: number) => void) | undefined;
  /** Delivers at once what observers have not heard yet. */
  flush(): void;
}

export interface CallsOptions {
  observers: readonly CallObserver[];
  now(): number;
  warn(line: string): void;
}

/** The most characters of a method or a name that observers see. */
const LONGEST_NAME = 120;

const UNOBSERVED: PostCalls = {
  admit: (_message, responder) => responder,
  cancel: () => {},
  settle: () => {},
};

export function createCalls({ observers, now, warn }: CallsOptions): Calls {
  const delivery = createDelivery(warn);
  const beginners = observers.filter(({ begin }) => begin !== undefined);
  const receivers = observers.filter(({ received }) => received !== undefined);
  const streamers = observers.filter(({ streams }) => streams !== undefined);

  function openOne(arrival: Arrival, dialect: Dialect | undefined, message: Message): PostCalls {
    if (message.kind !== "request") return UNOBSERVED;
    const info = describeCall(arrival, dialect, message);
    const watches: Watch[] = [];
    for (const observer of beginners) {
      const span = delivery.run(observer, observer, observer.begin!, info);
      if (span !== undefined) watches.push({ observer, span });
    }
    return watches.length === 0
      ? UNOBSERVED
      : createObservedCall({ method: message.method, watches, delivery, now });
  }

  function open(arrival: Arrival, dialect: Dialect | undefined): PostCalls {
    const { messages } = arrival;
    // Nearly every POST is one message.
    if (messages.length === 1) return openOne(arrival, dialect, messages[0]!);
    const posts = messages.map((message) => openOne(arrival, dialect, message));
    return {
      admit: (message, responder) => posts[messages.indexOf(message)]!.admit(message, responder),
      cancel() {
        for (const post of posts) post.cancel();
      },
      settle(status) {
        for (const post of posts) post.settle(status);
      },
    };
  }

  function observeStream(request: Request): (bytes: number) => void {
    const ended = streamers.map((observer) => ({
      observer,
      end: delivery.run(observer, observer, observer.streams!, request),
    }));
    return (bytes) => {
      for (const { observer, end } of ended)
        if (end !== undefined) delivery.queue(observer, undefined, end, bytes);
    };
  }

  return {
    received(arrival) {
      for (const observer of receivers) delivery.run(observer, observer, observer.received!, arrival);
    },
    open: beginners.length === 0 ? () => UNOBSERVED : open,
    streams: streamers.length === 0 ? undefined : observeStream,
    flush: delivery.flush,
  };
}

function describeCall(
  { request, caller }: Arrival,
  dialect: Dialect | undefined,
  message: Message,
): CallInfo {
  const naming = namingParam(message.method);
  return {
    request,
    caller,
    dialect,
    // Most observers never look.
    get revision() {
      const header = request.headers.get("mcp-protocol-version")?.trim();
      return (header ?? stringParam(message, "protocolVersion"))?.slice(0, LONGEST_NAME);
    },
    method: message.method.slice(0, LONGEST_NAME),
    name: naming && stringParam(message, naming)?.slice(0, LONGEST_NAME),
    size: message.bytes.length,
  };
}
