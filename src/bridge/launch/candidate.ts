// A server process that belongs to no client yet: it can be asked something, and be handed over with
// all that it has said meanwhile.
import type { Child, ChildEvents, ChildExit, StartChild } from "../../child/child.ts";
import { readMessages, type Message } from "../../frame/message.ts";
import { SERVER_MESSAGE } from "../../frame/names.ts";
import { createKeptMessages } from "../process/kept-messages.ts";
import { settle } from "../process/message-reader.ts";
import type { RestartingProcessOptions } from "../process/restarting-process.ts";
import type { Compose } from "../process/handshake-replay.ts";
import { underId } from "../session.ts";

export type Reply =
  { outcome: "answered"; answer: Message } | { outcome: "exited"; exit: ChildExit } | { outcome: "silent" };

export interface Candidate {
  readonly pid: number;
  /** Resolves if the process ends while it belongs to no client. */
  readonly ended: Promise<ChildExit>;
  /** @param ms how long to wait for the answer; absent: for as long as the process lives */
  ask(compose: Compose, ms?: number): Promise<Reply>;
  /**
   * Gives the process to a client, which hears what was said so far when it has begun to speak.
   *
   * @param welcome the answer to that client's own `initialize`, which was asked for it and is not sent again
   */
  handOver(events: ChildEvents, welcome?: Message): Child;
  close(): Promise<void>;
}

/** Stands for a process that is not started, since the program ends: nothing is heard of it any more. */
export const NOBODY: Candidate = {
  pid: 0,
  ended: new Promise(() => {}),
  ask: (_compose, ms) => (ms === undefined ? new Promise(() => {}) : Promise.resolve({ outcome: "silent" })),
  handOver: () => ({ pid: 0, send: () => false, read() {}, close: async () => {} }),
  close: async () => {},
};

export interface CandidateOptions {
  startChild: StartChild;
  onStderr(line: string): void;
  /** A line that is no message, or that can be read in several ways. */
  onNoise: RestartingProcessOptions["onNoise"];
}

export function createCandidate({ startChild, onStderr, onNoise }: CandidateOptions): Candidate {
  let owner: ChildEvents | undefined;
  /** The owner hears every line from now on. */
  let isHeard = false;
  let questions = 0;
  let gone: ChildExit | undefined;
  const said = createKeptMessages<Uint8Array>((line) => line.length);
  const waiters = new Map<number, (answer: Message) => void>();
  const ended = Promise.withResolvers<ChildExit>();

  const child = startChild({
    line(line) {
      if (isHeard) owner!.line(line);
      else if (owner === undefined) sort(line);
      else said.add(line);
    },
    oversize: (...excerpt) => owner?.oversize(...excerpt),
    stderr: (line) => (owner?.stderr ?? onStderr)(line),
    exit(exit) {
      gone = exit;
      if (owner === undefined) ended.resolve(exit);
      else owner.exit(exit);
    },
  });

  /** The answers to our own questions are taken; the rest is for the owner to come. */
  function sort(line: Uint8Array): void {
    const reading = readMessages(line, SERVER_MESSAGE);
    if ("fault" in reading) {
      if (reading.fault !== "ambiguous") return onNoise(line);
      onNoise(line, reading.doubt);
      // An answer is one, whatever it says: the start waits for it.
      return settle(reading, (answer) => waiters.get(Number(answer.id))?.(answer), child.send);
    }
    const [message] = reading.messages;
    const take = message?.method === "" ? waiters.get(Number(message.id)) : undefined;
    if (message === undefined || take === undefined) said.add(line);
    else take(message);
  }

  return {
    pid: child.pid,
    ended: ended.promise,
    async ask(compose, ms) {
      // Numbers from zero down: the owner's begin at one, so that a late answer meets none of them.
      const number = -questions++;
      const answered = Promise.withResolvers<Message>();
      waiters.set(number, answered.resolve);
      child.send(compose(number));
      const late = Promise.withResolvers<void>();
      const timer = ms === undefined ? undefined : setTimeout(late.resolve, ms);
      const reply = await Promise.race([
        answered.promise.then((answer): Reply => ({ outcome: "answered", answer })),
        ended.promise.then((exit): Reply => ({ outcome: "exited", exit })),
        late.promise.then((): Reply => ({ outcome: "silent" })),
      ]);
      clearTimeout(timer);
      return reply;
    },
    handOver(events, welcome) {
      owner = events;
      if (gone !== undefined) queueMicrotask(() => events.exit(gone!));
      const handed: Child = { ...child, send: begin };
      return handed;

      /** The first message: from now on there is somebody to hear. */
      function begin(bytes: Uint8Array): boolean {
        handed.send = child.send;
        // The new owner may still be being made.
        queueMicrotask(() => {
          isHeard = true;
          said.drain().forEach(events.line);
        });
        if (welcome === undefined) return child.send(bytes);
        said.add(underIdOf(bytes, welcome));
        return true;
      }
    },
    close: child.close,
  };
}

/** An answer, under the id of the request in `bytes`. */
function underIdOf(bytes: Uint8Array, answer: Message): Uint8Array {
  const reading = readMessages(bytes);
  const id = "messages" in reading ? reading.messages[0]?.id : undefined;
  return underId(answer, id ?? "null");
}
