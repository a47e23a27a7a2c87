// The ids under which the client of a session sees the server's requests. The session outlives the process that asks, and
// may outlive the program: the answer to a question of the last process must never be taken for that to one of the next.

/** The first one is drawn at random; all fit into 32 bits, since some clients read no more. */
export function createQuestionNumbers(random: (bytes: number) => Uint8Array): () => number {
  let last = Buffer.from(random(4)).readUInt32BE() >>> 2;
  return () => ++last;
}
