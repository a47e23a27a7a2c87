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

export async function readBody(request: Request, limits: BodyLimits): Promise<Uint8Array | BodyFlaw> {
  const announced = request.headers.get("content-length");
  if (announced === null) return await readChunks(request, limits);
  const length = Number(announced);
  if (length > limits.most) return "too-large";
  // In one piece: reading 1 MB chunk by chunk takes half as long again.
  return await orTooSlow(request.bytes(), allowance(limits, length));
}

/** A client that goes while it speaks, or that breaks HTTP's rules for bodies, is no fault of ours. */
async function orTooSlow<T>(reading: Promise<T>, ms: number): Promise<T | BodyFlaw> {
  const late = Promise.withResolvers<BodyFlaw>();
  const timer = setTimeout(late.resolve, ms, "too-slow");
  const outcome = await Promise.race([reading.catch((): BodyFlaw => "broken"), late.promise]);
  clearTimeout(timer);
  return outcome;
}

/** A body of unknown length earns its time as it comes. */
async function readChunks({ body }: Request, limits: BodyLimits): Promise<Uint8Array | BodyFlaw> {
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const begun = performance.now();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const left = begun + allowance(limits, length) - performance.now();
    const outcome = await orTooSlow(reader.read(), Math.max(0, left));
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
