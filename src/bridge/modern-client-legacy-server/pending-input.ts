// Requests of a server with sessions that clients without sessions have not answered: which call carries which, and the
// answer that the server gets when no client gives one.
import type { Message } from "../../frame/message.ts";
import type { Log } from "../../log.ts";
import { printable } from "../../printable.ts";
import { canRequireInput, composeUndeclared, findMissingCapability } from "../client-capabilities.ts";
import type { ClientCapabilities } from "../envelope.ts";
import { composeDeclined } from "../process/declined-request.ts";
import type { Multiplexer } from "../process/multiplexer.ts";
import { readInputResponse } from "./input-required-result.ts";
import type { MultiRoundCall, Round, RoundWaiter } from "./multi-round-call.ts";

export interface PendingInput {
  /** Takes in a request of the server's; it goes to the client together with others that come at the same time. */
  add(request: Message): void;
  /** Lets a new call carry the requests that wait; false when none waits, or it cannot carry them. */
  load(call: MultiRoundCall, round: Round): boolean;
  /** The call is over before its client could be asked; the next one carries its requests. */
  release(call: MultiRoundCall): void;
  /** Sends the server the answers that a client's retry brings. */
  answer(call: MultiRoundCall, retry: Message): void;
  /** Answers a call's requests as a client does that does not want to. */
  decline(call: MultiRoundCall): void;
  /** Answers every request that no client has answered yet. @param reason a sentence */
  withdraw(reason: string): void;
  /** The server has cancelled a request. */
  cancel(id: string): void;
  /** The process is gone, and its requests with it. */
  forget(): void;
}

export interface PendingInputOptions {
  multiplexer: Pick<Multiplexer<RoundWaiter>, "send">;
  /** Those the server has been given as its client's. */
  capabilities: ClientCapabilities;
  log: Log;
  /** Calls whose client waits for an answer. */
  running: ReadonlySet<MultiRoundCall>;
  /** Calls whose client is being asked. */
  parked: ReadonlyMap<string, MultiRoundCall>;
  askClient(call: MultiRoundCall): void;
}

/** Requests that are sent at once arrive within this time, in milliseconds, and go out together. */
const GATHER = 5;

export function createPendingInput(options: PendingInputOptions): PendingInput {
  const { multiplexer, capabilities, log, running, parked, askClient } = options;
  /** Requests that came when no call could carry them. */
  let held: Message[] = [];

  /** The wire does not say which call a request belongs to; the newest one is the best guess there is. */
  function chooseCall(): MultiRoundCall | undefined {
    return [...running].findLast(({ current, sent }) => current && sent && canRequireInput(current.request));
  }

  /** Refuses a request in the stead of a client that has not declared that it can answer it. */
  function isRefused(request: Message, call: MultiRoundCall | undefined, known: ClientCapabilities): boolean {
    const missing = findMissingCapability(request, known);
    if (missing === undefined) return false;
    if (call !== undefined) call.missing = missing;
    multiplexer.send(composeUndeclared(request.id));
    return true;
  }

  return {
    add(request) {
      const call = chooseCall();
      if (isRefused(request, call, call?.current?.envelope.capabilities ?? capabilities)) return;
      if (call === undefined) {
        held.push(request);
        const method = printable(request.method);
        log.debug(`The server asks (${method}) while no call is running; the next call carries it.`);
        return;
      }
      addTo(call, request);
      call.timer ??= setTimeout(askClient, GATHER, call);
    },
    load(call, { request, envelope }) {
      if (held.length === 0 || !canRequireInput(request)) return false;
      for (const one of held.splice(0)) if (!isRefused(one, call, envelope.capabilities)) addTo(call, one);
      return call.inputRequests.size > 0;
    },
    release({ inputRequests }) {
      held.push(...inputRequests.values());
      inputRequests.clear();
    },
    answer({ inputRequests }, retry) {
      for (const [key, { id }] of inputRequests) {
        const response = readInputResponse(retry, key);
        if (response === undefined) continue;
        inputRequests.delete(key);
        multiplexer.send(Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":${response}}`));
      }
    },
    decline({ inputRequests }) {
      for (const request of inputRequests.values())
        multiplexer.send(composeDeclined(request, "The client did not answer."));
      inputRequests.clear();
    },
    withdraw(reason) {
      for (const request of held.splice(0)) multiplexer.send(composeDeclined(request, reason));
      for (const { inputRequests } of [...running, ...parked.values()]) {
        for (const request of inputRequests.values()) multiplexer.send(composeDeclined(request, reason));
        inputRequests.clear();
      }
    },
    cancel(id) {
      held = held.filter((request) => request.id !== id);
      for (const { inputRequests } of [...running, ...parked.values()])
        for (const [key, request] of inputRequests) if (request.id === id) inputRequests.delete(key);
    },
    forget() {
      held = [];
      for (const { inputRequests } of parked.values()) inputRequests.clear();
    },
  };
}

/** Gives a request a key that the client answers it under. */
function addTo({ inputRequests }: MultiRoundCall, request: Message): void {
  const kind = request.method.split("/")[0]!;
  let number = 1;
  while (inputRequests.has(`${kind}-${number}`)) number++;
  inputRequests.set(`${kind}-${number}`, request);
}
