// Reads the body of a request: so many bytes, in so long. Somebody who holds a body back holds one of the tunnel's places,
// and on a Unix socket Bun has no idle timeout for a single request that would end it.

/** Why there is no body to read: over the limit, not here in time, or broken off. */
export type BodyFlaw = "too-large" | "too-slow" | "broken";

export interface BodyLimits {
  /** The most bytes. */
  most: number;
  /** How long the client has: milliseconds. */
  within: number;
  /** One second more for each so many bytes; absent: no more than `within`, whatever the size. */
  bytesPerSecond?: number;
}

/** What is being read, and until when. */
interface Reading {
  due: number;
  giveUp(flaw: BodyFlaw): void;
}

/** Milliseconds between two looks at what is late: one timer for all bodies, as nearly every one is here long before. */
const SWEEP = 500;
const readings = new Set<Reading>();
let sweeper: Timer | undefined;

/** Never rejects. What is late is given up no more than `SWEEP` after its time. */
export function readBody(request: Request, limits: BodyLimits): Promise<Uint8Array | BodyFlaw> {
  const announced = request.headers.get("content-length");
  if (announced === null) return readChunks(request, limits);
  const length = Number(announced);
  if (length > limits.most) return Promise.resolve("too-large");
  // In one piece: reading 1 MB chunk by chunk takes half as long again.
  return orTooSlow(request.bytes(), performance.now() + allowance(limits, length));
}

/** A client that goes while it speaks, or that breaks HTTP's rules for bodies, is no fault of ours. */
function orTooSlow<T>(work: Promise<T>, due: number): Promise<T | BodyFlaw> {
  const { promise, resolve } = Promise.withResolvers<T | BodyFlaw>();
  const reading: Reading = { due, giveUp: resolve };
  readings.add(reading);
  sweeper ??= setInterval(sweep, SWEEP).unref();
  work.then(
    (outcome) => {
      readings.delete(reading);
      resolve(outcome);
    },
    () => {
      readings.delete(reading);
      resolve("broken");
    },
  );
  return promise;
}

/** Ends by itself when there is nothing to look at: to arm it for each body would be a timer for each body again. */
function sweep(): void {
  const now = performance.now();
  for (const reading of readings) {
    if (reading.due > now) continue;
    readings.delete(reading);
    reading.giveUp("too-slow");
  }
  if (readings.size > 0) return;
  clearInterval(sweeper);
  sweeper = undefined;
}

/** A body of unknown length earns its time as it comes. */
async function readChunks({ body }: Request, limits: BodyLimits): Promise<Uint8Array | BodyFlaw> {
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const begun = performance.now();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const outcome = await orTooSlow(reader.read(), begun + allowance(limits, length));
    if (typeof outcome === "string") return giveUp(reader, outcome);
    if (outcome.done) return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length);
    length += outcome.value.length;
    if (length > limits.most) return giveUp(reader, "too-large");
    chunks.push(outcome.value);
  }
}

function giveUp(reader: { cancel(): Promise<void> }, flaw: BodyFlaw): BodyFlaw {
  void reader.cancel().catch(() => {});
  return flaw;
}

function allowance({ within, bytesPerSecond = Infinity }: BodyLimits, length: number): number {
  return within + (length / bytesPerSecond) * 1_000;
}
