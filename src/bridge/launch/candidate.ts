// A server process that belongs to no client yet: it can be sent requests of ours, and be handed over with all other
// messages that it has sent meanwhile.
import type { Child, ChildEvents, ChildExit, ChildOccasion, StartChild } from "../../child/child.ts";
import { within } from "../../deadline.ts";
import { readMessages, type Message } from "../../frame/message.ts";
import { SERVER_MESSAGE } from "../../frame/names.ts";
import { createKeptMessages } from "../process/kept-messages.ts";
import { settle } from "../process/message-reader.ts";
import type { RestartingProcessOptions } from "../process/restarting-process.ts";
import type { Compose } from "../process/handshake-replay.ts";
import { underId } from "../client-session.ts";

export type Reply =
  { outcome: "answered"; answer: Message } | { outcome: "exited"; exit: ChildExit } | { outcome: "silent" };

export interface Candidate {
  readonly pid: number;
  /** Resolves if the process ends while it belongs to no client. */
  readonly ended: Promise<ChildExit>;
  /** @param ms how long to wait for the answer; absent: for as long as the process lives */
  request(compose: Compose, ms?: number): Promise<Reply>;
  /**
   * Gives the process to a client, which gets the messages so far when it has sent its first one.
   *
   * @param welcome the answer to that client's own `initialize`, which has been sent for it and is not sent again
   */
  handOver(events: ChildEvents, welcome?: Message): Child;
  close(): Promise<void>;
}

/** Stands for a process that is not started because the program ends: it never answers and never exits. */
export const NO_PROCESS: Candidate = {
  pid: 0,
  ended: new Promise(() => {}),
  request: (_compose, ms) =>
    ms === undefined ? new Promise(() => {}) : Promise.resolve({ outcome: "silent" }),
  handOver: () => ({ pid: 0, send: () => false, read() {}, close: async () => {} }),
  close: async () => {},
};

export interface CandidateOptions {
  startChild: StartChild;
  onStderr(line: string): void;
  /** A line that is not a message, or that can be read in several ways. */
  onInvalidOutput: RestartingProcessOptions["onInvalidOutput"];
}

const LAUNCH: ChildOccasion = { owner: { kind: "launch" }, env: {} };

export function createCandidate({ startChild, onStderr, onInvalidOutput }: CandidateOptions): Candidate {
  let owner: ChildEvents | undefined;
  /** The owner gets every line from now on. */
  let isOwnerReady = false;
  let exited: ChildExit | undefined;
  const kept = createKeptMessages<Uint8Array>((line) => line.length);
  const ended = Promise.withResolvers<ChildExit>();

  const child = startChild(
    {
      line(line) {
        if (isOwnerReady) owner!.line(line);
        else if (owner !== undefined || !requests.takeResponse(line)) kept.add(line);
      },
      oversize: (...excerpt) => owner?.oversize(...excerpt),
      stderr: (line) => (owner?.stderr ?? onStderr)(line),
      exit(exit) {
        exited = exit;
        if (owner === undefined) ended.resolve(exit);
        else owner.exit(exit);
      },
    },
    LAUNCH,
  );
  const requests = createCandidateRequests(child.send, onInvalidOutput);

  return {
    pid: child.pid,
    ended: ended.promise,
    request(compose, ms) {
      const reply = Promise.race([
        requests.send(compose).then((answer): Reply => ({ outcome: "answered", answer })),
        ended.promise.then((exit): Reply => ({ outcome: "exited", exit })),
      ]);
      return ms === undefined ? reply : within(ms, reply, (): Reply => ({ outcome: "silent" }));
    },
    handOver(events, welcome) {
      owner = events;
      if (exited !== undefined) queueMicrotask(() => events.exit(exited!));
      const handed: Child = { ...child, send: sendFirst };
      return handed;

      /** With its first message the owner is ready for lines. */
      function sendFirst(bytes: Uint8Array): boolean {
        handed.send = child.send;
        // The new owner may still be being made.
        queueMicrotask(() => {
          isOwnerReady = true;
          kept.drain().forEach(events.line);
        });
        if (welcome === undefined) return child.send(bytes);
        kept.add(underIdOf(bytes, welcome));
        return true;
      }
    },
    close: child.close,
  };
}

/** Our own requests to a candidate. */
function createCandidateRequests(send: Child["send"], onInvalidOutput: CandidateOptions["onInvalidOutput"]) {
  let count = 0;
  const waiters = new Map<number, (answer: Message) => void>();
  return {
    send(compose: Compose): Promise<Message> {
      // Numbers from zero down: the owner's begin at one, so that a late answer meets none of them.
      const number = -count++;
      const answered = Promise.withResolvers<Message>();
      waiters.set(number, answered.resolve);
      send(compose(number));
      return answered.promise;
    },
    /** Whether a line is dealt with: an answer to one of these requests, or not a message. The rest is for the owner. */
    takeResponse(line: Uint8Array): boolean {
      const reading = readMessages(line, SERVER_MESSAGE);
      if ("fault" in reading) {
        if (reading.fault !== "ambiguous") onInvalidOutput(line);
        else {
          onInvalidOutput(line, reading.doubt);
          // An ambiguous answer still is one: the start waits for it.
          settle(reading, (answer) => waiters.get(Number(answer.id))?.(answer), send);
        }
        return true;
      }
      const [message] = reading.messages;
      const take = message?.method === "" ? waiters.get(Number(message.id)) : undefined;
      take?.(message);
      return take !== undefined;
    },
  };
}

/** An answer, under the id of the request in `bytes`. */
function underIdOf(bytes: Uint8Array, answer: Message): Uint8Array {
  const reading = readMessages(bytes);
  const id = "messages" in reading ? reading.messages[0]?.id : undefined;
  return underId(answer, id ?? "null");
}
