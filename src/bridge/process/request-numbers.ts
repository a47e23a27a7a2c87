// Ids of the requests that a client is sent. A session outlives the process that asked, and this program: the answer to a
// question of an earlier process must not be taken for the answer to one of this process, so the ids begin anywhere.

/** Within 31 bits with room to spare, since some clients keep ids in 32. */
const HIGHEST_START = 0x3f_ff_ff_ff;

/** @returns gives the next number */
export function createRequestNumbers(random: (bytes: number) => Uint8Array): () => number {
  let last = Buffer.from(random(4)).readUInt32BE() & HIGHEST_START;
  return () => ++last;
}
