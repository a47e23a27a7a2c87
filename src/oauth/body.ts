// Reads a request body that must be small text, whatever it claims to be.
import { refuse } from "./failure.ts";

/** Far more than any registration, form or approval needs. */
const MAX_BYTES = 64 * 1024;

/** The body as text; more than 64 KiB or anything but UTF-8 is refused. */
export async function readBody(request: Request): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of arriving(request)) {
    size += chunk.byteLength;
    if (size > MAX_BYTES) refuse({ kind: "too-large" });
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    return refuse({ kind: "bad-request", description: "The body must be UTF-8." });
  }
}

/** A client that goes while it speaks, or that breaks HTTP's rules for bodies, is no fault of ours. */
async function* arriving(request: Request): AsyncGenerator<Uint8Array> {
  try {
    yield* request.body ?? [];
  } catch {
    refuse({ kind: "bad-request", description: "The body did not arrive whole." });
  }
}
